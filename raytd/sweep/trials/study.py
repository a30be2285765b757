"""One search: an Optuna study for a method on a pair in a cell, one trial after the other."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from raytd.rows.row import Row, number
from raytd.sweep.file.search import space_size
from raytd.sweep.file.spec import Distribution, Scalar
from raytd.sweep.trials.expand import Case, TrialConfig
from raytd.sweep.trials.trial import Trial
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import Task

if TYPE_CHECKING:
    import optuna

FIRST_AT_RANDOM = 4
"""Suggestions before what is known of the others counts. A constant, so that a search with more
trials goes on where one with fewer ended."""

_DIGITS = 4
"""Significant digits of a suggestion: enough to read and to type, and the same on machines whose
arithmetic differs in the last bits."""

RowOf = Callable[[str], Row | None]
"""The row of a trial that has ended and is not to be run again."""


class Study:
    """Suggests the trials of one case.

    A suggestion follows from the settings, the data and the rows of those before it: one is asked
    for when the last has ended, so that the answer is the same however many run side by side.

    Args:
        case: what is searched; it has a space.
        tasks: the data of the sweep's tasks.
    """

    def __init__(self, case: Case, tasks: Mapping[TaskSpec, Task]) -> None:
        assert case.spec.search is not None
        self.case, self._tasks, self._search = case, tasks, case.spec.search
        self._rows: dict[str, Row | None] = {}
        self._trials: dict[str, Trial] = {}
        self._n_asked = 0
        self._fit: Callable[[TrialConfig], TrialConfig] = lambda config: config
        self._study = self._make_study()
        self._open: tuple[optuna.trial.Trial, Trial] | None = None

    def place(self, fit: Callable[[TrialConfig], TrialConfig]) -> None:
        """Says what its trials have of the cluster, those that were suggested before, too."""
        self._fit = fit
        self._trials = {key: t.placed(fit(t.config)) for key, t in self._trials.items()}
        if self._open is not None:
            asked, trial = self._open
            self._open = (asked, trial.placed(fit(trial.config)))

    @property
    def trials(self) -> list[Trial]:
        """Those that were suggested so far, each once."""
        return list(self._trials.values())

    @property
    def n_left(self) -> int:
        """How many are still to be asked for; some of them may turn out to be known.

        Once every trial of the space has been suggested none is: all that follow are repeats.
        """
        n_left = self._search.trials - self._n_asked
        size = space_size(self.case.space)
        return n_left if size is None else min(n_left, size - len(self._trials))

    @property
    def shortfall(self) -> str | None:
        """Why fewer trials run than were asked for, in words; None as long as that many may."""
        size, wanted = space_size(self.case.space), self._search.trials
        over = f"the search over {', '.join(self.case.space)}"
        n_trials, has_ended = len(self._trials), self._n_asked == wanted and self._open is None
        n_repeats = self._n_asked - n_trials
        if n_repeats and has_ended and n_trials != size:
            return (
                f"{over} has suggested the same trial again {n_repeats} times: "
                f"{n_trials} of {wanted} are run"
            )
        if size is not None and size < wanted:
            return f"{over} has only {size} different trials: {size} of {wanted} can be run"
        return None

    @property
    def stand_in(self) -> Trial:
        """A trial of the case at one end of its space."""
        config = self._fit(self.case.probes()[0])
        return Trial(config, self._tasks[config.source], self._tasks[config.target])

    def next(self, row_of: RowOf) -> Trial | None:
        """The next trial to run; None if there is none.

        What has a row is not run: the study is told and asked again.
        """
        while self._open is not None or self.n_left:
            trial = self._ask() if self._open is None else self._open[1]
            known = trial.key in self._rows
            row = self._rows[trial.key] if known else row_of(trial.key)
            if row is None and not known:
                return trial
            self.tell(row)
        return None

    def tell(self, row: Row | None) -> None:
        """How the trial that was asked for has ended; without a number it has failed."""
        from optuna.trial import TrialState

        assert self._open is not None
        asked, trial = self._open
        self._rows[trial.key], self._open = row, None
        value = self._value(row)
        if value is None:
            self._study.tell(asked, state=TrialState.FAIL)
        else:
            self._study.tell(asked, value)

    @property
    def best(self) -> Trial | None:
        """The trial with the best number so far, the earlier of two that are alike."""
        values = {key: v for key, row in self._rows.items() if (v := self._value(row)) is not None}
        choose = min if self._search.mode == "min" else max
        return self._trials[choose(values, key=values.__getitem__)] if values else None

    def _value(self, row: Row | None) -> float | None:
        """What is optimised; None where a trial failed or its method has no such number."""
        return None if row is None else number(row, self._search.metric)

    def _ask(self) -> Trial:
        space = self.case.space
        asked = self._study.ask({key: _distribution(how) for key, how in space.items()})
        suggested = {key: _rounded(asked.params[key], how) for key, how in space.items()}
        trial = self._trial(suggested)
        self._n_asked += 1
        self._trials.setdefault(trial.key, trial)
        self._open = (asked, trial)
        return trial

    def _trial(self, suggested: Mapping[str, Scalar]) -> Trial:
        config = self._fit(self.case.trial(suggested))
        return Trial(config, self._tasks[config.source], self._tasks[config.target])

    def _make_study(self) -> "optuna.Study":
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)  # rows and listeners tell it better
        sampler = optuna.samplers.TPESampler(seed=self._seed(), n_startup_trials=FIRST_AT_RANDOM)
        direction = optuna.study.StudyDirection[f"{self._search.mode}imize".upper()]
        return optuna.create_study(direction=direction, sampler=sampler)

    def _seed(self) -> int:
        """From all that settles the case: settings and seed of the run, data, space and metric."""
        search = self._search
        text = json.dumps([self.stand_in.key, self.case.space, search.metric, search.mode])
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


def _distribution(how: Distribution) -> "optuna.distributions.BaseDistribution":
    from optuna import distributions

    ((kind, values),) = how.items()
    if kind == "choice":
        return distributions.CategoricalDistribution(values)
    low, high = _ends(how)
    if kind == "integer":
        return distributions.IntDistribution(int(low), int(high))
    return distributions.FloatDistribution(low, high, log=kind == "loguniform")


def _ends(how: Distribution) -> tuple[float, float]:
    """Those of a distribution over numbers, which are checked to be two."""
    ((low, high),) = how.values()
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    return low, high


def _rounded(value: Any, how: Distribution) -> Scalar:
    """A suggestion as a sweep file would have it, within its ends."""
    if "choice" in how or "integer" in how:
        suggestion: Scalar = value
        return suggestion
    low, high = _ends(how)
    return float(min(max(float(f"{value:.{_DIGITS}g}"), low), high))

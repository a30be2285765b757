"""The searcher that Ray Tune asks: one study per case, all of them side by side."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from raytd.sweep.run.in_driver import stays_in_driver
from raytd.sweep.trials.study import RowOf, Study
from raytd.sweep.trials.trial import Trial


def make_searcher(
    studies: Sequence[Study],
    known: Iterable[Trial],
    *,
    settled: RowOf,
    ended: RowOf,
    announce: Callable[[Trial], None],
) -> Any:
    """A `ray.tune.search.Searcher` over all trials of a sweep.

    A study has one trial running at a time, so that its suggestions do not depend on which of
    several ends first.

    Args:
        studies: the searches.
        known: trials that no search chooses; they fill what the searches leave free.
        settled: the row of a trial that need not run.
        ended: the row of a trial that has just ended.
        announce: called with each trial before Tune hears of it.
    """
    from ray.tune.search import Searcher

    @stays_in_driver
    class SideBySide(Searcher):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._free = list(studies)
            self._known = list(known)
            self._running: dict[str, tuple[Study, str]] = {}

        def suggest(self, trial_id: str) -> Any:
            while self._free:
                study = self._free.pop(0)
                trial = study.next(settled)
                if trial is not None:
                    self._running[trial_id] = (study, trial.key)
                    return self._told(trial)
            if self._known:
                return self._told(self._known.pop(0))
            return None if self._running else Searcher.FINISHED

        def on_trial_complete(
            self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
        ) -> None:
            study, key = self._running.pop(trial_id, (None, ""))
            if study is not None:
                study.tell(ended(key))
                self._free.append(study)

        def save(self, checkpoint_path: str) -> None:
            """Nothing: the ledger has what a search goes on from."""

        def _told(self, trial: Trial) -> dict[str, Any]:
            announce(trial)
            return {"trial_key": trial.key, "config": trial.config.model_dump_json()}

    return SideBySide()

"""When a running sweep will end, from what its trials were expected to take and have taken."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from raytd.learning.pretrain import Recipe
from raytd.sweep.cost.estimate import speed_key, training_seconds, trial_seconds
from raytd.sweep.cost.speed import Speed
from raytd.sweep.trials.networks import Network
from raytd.sweep.trials.trial import Trial, sgd_steps_of

_TO_COME = "to come "
"""What the keys of trials begin with that a search has not suggested yet."""

_ENOUGH = 0.02
"""Share of a trial that has to be done before its time says anything."""


@dataclass(frozen=True)
class Stage:
    """What runs side by side; a stage begins when the one before it has ended.

    Attributes:
        keys: of its trainings or trials.
        at_once: of them side by side.
    """

    keys: Collection[str]
    at_once: int


class Forecast:
    """Scales expected durations by what has been seen; networks differ, so each has its own scale.

    Args:
        expected: of each trial, in seconds or, where nobody has measured them, in any unit.
        kinds: of each trial; those of a kind are wrong by the same factor.
        at_once: trials side by side.
        before: trainings, which are in `expected` and `kinds` like trials.
        measured: whether `expected` are seconds.
        clock: seconds that pass.
    """

    def __init__(
        self,
        expected: Mapping[str, float],
        kinds: Mapping[str, str],
        *,
        at_once: int,
        measured: bool,
        before: Stage = Stage((), at_once=1),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._expected, self._kinds, self._at_once = dict(expected), dict(kinds), at_once
        self._measured, self._clock, self._before = measured, clock, before
        self._left = dict.fromkeys(expected, 1.0)
        self._began: dict[str, tuple[float, float]] = {}
        self._seen: dict[str, tuple[float, float]] = {}

    def begin(self, key: str) -> None:
        """A trial begins; what it takes until its processes are there says nothing.

        One that a search has suggested takes the place of one that was to come.
        """
        self._began.pop(key, None)
        if key not in self._expected:
            stand_in = next(k for k in self._expected if k.startswith(_TO_COME))
            for table in (self._expected, self._left):
                table[key] = table.pop(stand_in)
            self._kinds[key] = self._kinds.pop(stand_in)

    def reach(self, key: str, share: float) -> None:
        """A share of a running trial is done; what nobody expected does not count."""
        if key not in self._expected:
            return
        self._left[key] = 1.0 - share
        at, done = self._began.setdefault(key, (self._clock(), share))
        if share - done >= _ENOUGH:
            self._seen[key] = (self._clock() - at, (share - done) * self._expected[key])

    def end(self, key: str, *, done: bool) -> None:
        """A trial ends; one that failed says nothing of how long others take."""
        if key not in self._expected:
            return
        if done:
            self.reach(key, 1.0)
        self._left[key] = 0.0
        if not done:
            self._seen.pop(key, None)

    def left_s(self) -> float | None:
        """Seconds until all have ended; None as long as nothing is known of trainings or trials.

        What trainings take says nothing of trials: these look at many images at a time.
        """
        trials = [key for key in self._left if key not in self._before.keys]
        left = (self.trainings_left_s(), self._stage_left_s(trials, self._at_once))
        return None if None in left else sum(s for s in left if s is not None)

    def trainings_left_s(self) -> float | None:
        """Seconds until all trainings have ended; None as long as nothing is known of them."""
        return self._stage_left_s(self._before.keys, self._before.at_once)

    def _stage_left_s(self, keys: Collection[str], at_once: int) -> float | None:
        seen = {key: self._seen[key] for key in keys if key in self._seen}
        expected = [
            self._left[k] * self._expected[k] * self._scale(self._kinds[k], seen) for k in keys
        ]
        if not any(expected):
            return 0.0
        return max(sum(expected) / at_once, *expected, 0.0) if self._measured or seen else None

    def _scale(self, kind: str, seen: Mapping[str, tuple[float, float]]) -> float:
        """Seen seconds for an expected one, of a kind if it was seen, else of all."""
        own = [each for key, each in seen.items() if self._kinds[key] == kind]
        pairs = own or list(seen.values())
        expected = sum(e for _, e in pairs)
        return sum(s for s, _ in pairs) / expected if expected else 1.0


def forecast_of(
    trials: Sequence[Trial],
    speeds: Mapping[str, Speed],
    *,
    at_once: int,
    to_come: Sequence[Trial] = (),
    networks: Sequence[Network] = (),
    networks_at_once: int = 1,
) -> Forecast:
    """A forecast in seconds where speeds of all trials were measured before, else by counts.

    Args:
        trials: that are known.
        speeds: that were measured.
        at_once: trials side by side.
        to_come: one like each of those that searches will suggest.
        networks: that are to be trained first.
        networks_at_once: of them side by side.
    """
    named = {t.key: t for t in trials} | {f"{_TO_COME}{n}": t for n, t in enumerate(to_come)}
    measured = all(speed_key(t) in speeds for t in named.values())
    kinds = {key: _kind(t) for key, t in named.items()}
    expected = {
        key: trial_seconds(t, speeds[speed_key(t)], 1.0) if measured else _units(t)
        for key, t in named.items()
    }
    for network in networks:
        kinds[network.key] = f"training {speed_key(network.trial)}"
        expected[network.key] = (
            training_seconds(network, speeds[speed_key(network.trial)])
            if measured
            else _training_units(network)
        )
    before = Stage([n.key for n in networks], networks_at_once)
    return Forecast(expected, kinds, at_once=at_once, measured=measured, before=before)


def _units(trial: Trial) -> float:
    """Images that go through the network, those of a step forwards and backwards."""
    work, batch = trial.work, trial.config.batch
    if work is None:
        return len(trial.target.train.labels) + 3 * batch * (sgd_steps_of(trial) or 0)
    return work.forward_images + 3 * batch * work.all_sgd_steps


def _training_units(network: Network) -> float:
    """As `_units`: images of all steps, forwards and backwards."""
    recipe = network.origin
    return 3.0 * network.steps * (recipe.descent.batch_size if isinstance(recipe, Recipe) else 0)


def _kind(trial: Trial) -> str:
    """What is wrong by one factor; methods that do not count their work are so each by its own."""
    return speed_key(trial) + ("" if trial.work else f" {trial.config.method}")

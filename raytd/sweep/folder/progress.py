"""How far a sweep is, how fast it goes and when it will end, by what lies in its folder."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from raytd.errors import RequestError
from raytd.storage.files import modified_at
from raytd.storage.path import StoragePath
from raytd.sweep.folder.lock_holder import Holder, lock_holder
from raytd.sweep.folder.plan_file import read_plan
from raytd.sweep.folder.trial_states import (
    Checkpointed,
    TrialState,
    checkpoints,
    each_of,
    trial_states,
)

_SWEEPS_AT_ONCE = 8
"""Sweeps of an object store that are looked at side by side."""

Condition = Literal["running", "perhaps running", "done", "failed", "stopped", "damaged"]


@dataclass(frozen=True)
class SweepProgress:
    """A sweep as its folder shows it.

    Attributes:
        name: of the sweep.
        folder: where it lies.
        condition: `running` by its lock; `perhaps running` where its file system has no locks;
            `failed` where every trial has ended, some without a result; `stopped` where trials are
            missing and nobody runs them; `damaged` where its plan cannot be read.
        trials: their states, in the order of the plan.
        n_to_come: trials that searches may still suggest.
        holder: the process that runs it, or was killed while it ran it.
        begun_at: when it was last begun, in seconds since 1970.
        checkpointed: trials that have not ended, with their last checkpoints, the latest first.
        looked_at: the time of all this, in seconds since 1970.
        problem: why the plan cannot be read.
    """

    name: str
    folder: StoragePath
    condition: Condition
    trials: tuple[TrialState, ...] = ()
    n_to_come: int = 0
    holder: Holder | None = None
    begun_at: float | None = None
    checkpointed: tuple[Checkpointed, ...] = ()
    looked_at: float = 0.0
    problem: str | None = None

    @property
    def n_planned(self) -> int:
        """Trials that the sweep asks for; of a search, at most."""
        return len(self.trials) + self.n_to_come

    @property
    def n_done(self) -> int:
        """Trials with a result."""
        return sum(t.state == "done" for t in self.trials)

    @property
    def failures(self) -> list[TrialState]:
        """Trials that failed."""
        return [t for t in self.trials if t.state == "failed"]

    @property
    def n_missing(self) -> int:
        """Trials that have not ended, or whose result is damaged."""
        return self.n_planned - self.n_done - len(self.failures)

    @property
    def damages(self) -> list[str]:
        """Files that cannot be read, with the reason."""
        own = [t.damage for t in self.trials if t.damage is not None]
        return own if self.problem is None else [self.problem, *own]

    @property
    def last_sign_at(self) -> float | None:
        """When the sweep last wrote anything that is looked at here, in seconds since 1970."""
        signs = [self.begun_at, *(t.ended_at for t in self.trials)]
        signs += [c.at for c in self.checkpointed]
        signs += [self.holder.heard] if self.holder else []
        return max((sign for sign in signs if sign is not None), default=None)

    @property
    def pace(self) -> "Pace | None":
        """How fast trials have ended since the sweep was last begun; None if none has."""
        begun_at = self.begun_at
        if begun_at is None:
            return None
        return _pace([t for t in self.trials if t.ended_at is not None and t.ended_at >= begun_at])

    @property
    def trials_left(self) -> list[TrialState]:
        """Trials that a run still runs: missing, or failed before for a cause that may pass."""
        begun_at = self.begun_at or 0.0
        again = [t for t in self.failures if t.transient and (t.ended_at or 0.0) < begun_at]
        return [*(t for t in self.trials if t.state == "missing"), *again]

    @property
    def left_s(self) -> float | None:
        """Seconds until the end at this pace; None where nothing runs, or nothing is known.

        Each trial that is left counts as long as those of its method, network and setting took.
        """
        if not self.condition.endswith("running") or (pace := self.pace) is None:
            return None
        seen = [t for t in self.trials if t.wall_s is not None]
        expected = _expected_s(seen, self.trials_left)
        total = sum(expected) + self.n_to_come * pace.mean_s
        passed_s = self.looked_at - pace.until if expected or self.n_to_come else 0.0
        return max(0.0, total / pace.at_once - passed_s)


@dataclass(frozen=True)
class Pace:
    """How fast trials end.

    Attributes:
        n_ended: trials that this was seen of.
        began: when the first of them began, in seconds since 1970.
        until: when the last of them ended, likewise.
        work_s: seconds that they ran, added up.
    """

    n_ended: int
    began: float
    until: float
    work_s: float

    @property
    def per_hour(self) -> float:
        """Trials that end in an hour."""
        return 3600.0 * self.n_ended / (self.until - self.began)

    @property
    def at_once(self) -> float:
        """Trials that ran side by side, in the mean."""
        return self.work_s / (self.until - self.began)

    @property
    def mean_s(self) -> float:
        """Seconds that one of them ran, in the mean."""
        return self.work_s / self.n_ended


def storage_progress(storage: StoragePath) -> list[SweepProgress]:
    """Every sweep of a storage: those that run, then the others, the latest sign of life first.

    Raises:
        StorageError: if an object store cannot be asked.
    """
    folders = [plan.parent for plan in storage.glob("*/plan.json")]
    found = each_of(storage, sweep_progress, folders, at_once=_SWEEPS_AT_ONCE)
    return sorted(
        found, key=lambda s: (not s.condition.endswith("running"), -(s.last_sign_at or 0.0), s.name)
    )


def sweep_progress(folder: StoragePath) -> SweepProgress:
    """How far the sweep in a folder is; nothing is written.

    Raises:
        StorageError: if an object store cannot be asked.
    """
    holder, begun_at = lock_holder(folder), modified_at(folder / "plan.json")
    try:
        plan = read_plan(folder)
    except RequestError:
        problem = f"{folder / 'plan.json'}: cannot be read, so nobody knows what was planned"
        return SweepProgress(
            folder.name, folder, "damaged", holder=holder, begun_at=begun_at, problem=problem
        )
    trials = trial_states(folder, plan.names, others=plan.is_searched)
    open_keys = {t.key for t in trials if t.state == "missing"}
    n_to_come = max(0, len(plan.names) + plan.n_to_come - len(trials))
    return SweepProgress(
        name=str(plan.asked.get("name", folder.name)),
        folder=folder,
        condition=_condition(holder, trials, n_to_come),
        trials=tuple(trials),
        n_to_come=n_to_come,
        holder=holder,
        begun_at=begun_at,
        checkpointed=tuple(checkpoints(folder, open_keys)) if open_keys else (),
        looked_at=time.time(),
    )


def _condition(holder: Holder | None, trials: Sequence[TrialState], n_to_come: int) -> Condition:
    if holder is not None and holder.is_alive is not False:
        return "running" if holder.is_alive else "perhaps running"
    if n_to_come or any(t.state == "missing" for t in trials):
        return "stopped"
    return "failed" if any(t.state == "failed" for t in trials) else "done"


def _pace(ended: Sequence[TrialState]) -> Pace | None:
    known = [(t.ended_at, t.wall_s) for t in ended if t.ended_at is not None and t.wall_s]
    if not known:
        return None
    began, until = min(at - wall_s for at, wall_s in known), max(at for at, _ in known)
    return Pace(len(known), began, until, sum(wall_s for _, wall_s in known))


def _expected_s(seen: Iterable[TrialState], left: Sequence[TrialState]) -> list[float]:
    """Seconds that each of the trials left will run, by those of its kind, method, or any."""
    taken: defaultdict[str, list[float]] = defaultdict(list)
    for trial in seen:
        for kind in _kinds(trial.name):
            taken[kind].append(trial.wall_s or 0.0)
    return [fmean(next(taken[k] for k in _kinds(t.name) if k in taken)) for t in left]


def _kinds(name: str) -> tuple[str, str, str]:
    """What trials take equally long, by their names, from alike to any.

    A name is `method source->target network seed 0 axis=value`.
    """
    words = name.split()
    alike = [word for word in (words[:1] + words[2:]) if not word.isdigit()]
    return " ".join(alike), words[0] if words else "", "any"

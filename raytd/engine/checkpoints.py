"""Checkpoints of a trial: all that its coordinator knows, in one file that checks itself.

A file is named by its place in the trial and by the digest of its content, and moved into place
when it is whole. The one before is removed only then, so that one of the two can always be read.
"""

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from raytd.engine.measurements import Halfway, Tally
from raytd.engine.records import Dealt, Iteration, Knot, Plan, Solve
from raytd.errors import StorageError
from raytd.learning.devices import torch_threads
from raytd.storage.encoding import decode, encode
from raytd.storage.files import write_bytes
from raytd.storage.path import StoragePath
from raytd.transfer.averaging import SegmentMeans
from raytd.transfer.lengths import Lengths, Moments
from raytd.transfer.state import TrainState, Weights
from raytd.transport.global_coupling import GlobalCoupling
from raytd.transport.measured import MeasuredCosts
from raytd.transport.pairs import PairFunction, PairSpace
from raytd.transport.solvers.report import SolverReport
from raytd.transport.tiles import Tiles

KEPT = 2
SHARE = 0.02
"""Share of a run's time that checkpoints may take where nobody says how often they are written."""

_NAME = re.compile(r"(\d{4,})-(\d{4,})\.([0-9a-f]{64})\.safetensors")
_FORMAT = 5


@dataclass(frozen=True)
class Snapshot:
    """What a coordinator goes on from.

    Attributes:
        records: iterations that have ended.
        dealt: Γ^k of the one that comes next or is under way.
        memory: of the coupling rule.
        halfway: the trajectory that is under way; None at its start.
    """

    records: tuple[Iteration, ...]
    dealt: Dealt
    memory: Any
    halfway: Halfway | None = None


_CLASSES: dict[str, type] = {
    c.__name__: c
    for c in (
        Dealt,
        GlobalCoupling,
        Halfway,
        Iteration,
        Knot,
        Lengths,
        MeasuredCosts,
        Moments,
        PairFunction,
        PairSpace,
        SegmentMeans,
        Snapshot,
        Solve,
        SolverReport,
        Tally,
        Tiles,
        TrainState,
        Weights,
    )
}


@dataclass(frozen=True)
class CheckpointSettings:
    """Where the checkpoints of a trial lie, and how often they are written.

    Attributes:
        folder: of this trial alone.
        every: segments between two; None writes one as often as costs at most 2 % of the run.
        stamp: what the last bits depend on beside the plan. A checkpoint with another stamp
            belongs to other numbers and is not used.
    """

    folder: StoragePath
    every: int | None = None
    stamp: Mapping[str, str | int | bool] | None = None


class Checkpoints:
    """Writes and finds the checkpoints of one trial.

    Args:
        settings: where and how often.
        plan: the trial.
    """

    def __init__(self, settings: CheckpointSettings, plan: Plan) -> None:
        self.folder, self.every = settings.folder, settings.every
        self._identity = _identity(settings, plan)
        self._began = time.perf_counter()
        self._spent = self._last = 0.0
        self._told_failure = False
        self._passed_over: set[str] = set()

    def load(self) -> tuple[Snapshot | None, list[str]]:
        """The newest checkpoint that is whole and of this trial, and what is wrong with others."""
        notes: list[str] = []
        self._remove_unfinished()
        for path in reversed(self._files()):
            try:
                return self._read(path), notes
            except (OSError, StorageError, ValueError) as error:
                notes.append(f"checkpoint {path.name[:9]} is not used: {error}")
                self._passed_over.add(path.name)
                if isinstance(error, ValueError):  # what cannot be read may be whole
                    _remove(path)
        return None, notes

    def save(self, snapshot: Snapshot) -> list[str]:
        """Writes a checkpoint; one that cannot be written leaves the one before, and is told.

        Returns:
            What the user should know.
        """
        return self._timed(lambda: snapshot)

    def save_if_due(self, segment: int, snapshot: Callable[[], Snapshot]) -> list[str]:
        """Writes a checkpoint of the trajectory under way, if it is time for one."""
        return self._timed(snapshot) if self._is_due(segment) else []

    def _timed(self, snapshot: Callable[[], Snapshot]) -> list[str]:
        """Takes a snapshot and writes it; both count."""
        started = time.perf_counter()
        notes = self._write(snapshot())
        self._last = time.perf_counter() - started
        self._spent += self._last
        return notes

    def _write(self, snapshot: Snapshot) -> list[str]:
        halfway = snapshot.halfway
        with torch_threads(1):  # copies wait for a second thread longer than they take
            content = encode({"identity": self._identity, "snapshot": snapshot})
        place = f"{len(snapshot.records):04}-{halfway.segment if halfway else 0:04}"
        path = self.folder / f"{place}.{_digest(content)}.safetensors"
        try:
            write_bytes(path, content)
            self._passed_over.discard(path.name)
            self._prune()
        except StorageError as error:
            told, self._told_failure = self._told_failure, True
            return [] if told else [f"a checkpoint could not be written: {error}"]
        return []

    def _is_due(self, segment: int) -> bool:
        if self.every is not None:
            return segment % self.every == 0
        allowed = SHARE * (time.perf_counter() - self._began)
        return self._spent + self._last <= allowed

    def _read(self, path: StoragePath) -> Snapshot:
        content = path.read_bytes()
        name = _NAME.fullmatch(path.name)
        if name is None or name[3] != _digest(content):
            raise ValueError("its content is not what was written")
        found = decode(content, _CLASSES)
        if found["identity"] != self._identity:
            raise ValueError("it was written with other threads, chunk, device, data or version")
        snapshot: Snapshot = found["snapshot"]
        return snapshot

    def _files(self) -> list[StoragePath]:
        """Checkpoints in the order of the trial."""
        found = [(m, p) for p in self.folder.glob("*") if (m := _NAME.fullmatch(p.name))]
        found.sort(key=lambda each: (int(each[0][1]), int(each[0][2]), each[0][3]))
        return [path for _, path in found]

    def _prune(self) -> None:
        """Removes old ones; those that `load` passed over may be further on, and do not count."""
        used = [path for path in self._files() if path.name not in self._passed_over]
        for path in used[:-KEPT]:
            _remove(path)

    def _remove_unfinished(self) -> None:
        """What a process that was killed while it wrote has left."""
        for path in self.folder.glob(".*"):
            _remove(path)


def _remove(path: StoragePath) -> None:
    with suppress(OSError, StorageError):
        path.unlink()


def _identity(settings: CheckpointSettings, plan: Plan) -> str:
    return _digest(encode({"format": _FORMAT, "stamp": settings.stamp or {}, "plan": plan}))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""How far each trial of a sweep is, by the files that it has left so far."""

import json
import re
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

from raytd.errors import os_reason
from raytd.storage.files import modified_at
from raytd.storage.objects import ObjectPath
from raytd.storage.path import StoragePath

State = Literal["done", "failed", "missing"]

_AT_ONCE = 32
"""Objects of a store that are read at a time."""

T = TypeVar("T")
V = TypeVar("V")

_CHECKPOINT = re.compile(r"(\d+)-(\d+)\.")
"""How the name of a checkpoint begins: iterations that have ended, and segments of the next."""


@dataclass(frozen=True)
class TrialState:
    """How far one trial is.

    Attributes:
        key: of the trial.
        name: that says which one it is.
        state: `missing` also where its result is damaged.
        error: why it failed, in one line.
        transient: whether it failed for a cause outside the trial, and is run again.
        damage: what is wrong with the file of its result.
        ended_at: when that was written, in seconds since 1970.
        wall_s: how long it ran, in seconds.
    """

    key: str
    name: str
    state: State
    error: str | None = None
    transient: bool = False
    damage: str | None = None
    ended_at: float | None = None
    wall_s: float | None = None


class Checkpointed(NamedTuple):
    """The last checkpoint of a trial that has not ended.

    Attributes:
        key: of the trial.
        iteration: that is under way, from 0.
        segment: of it that was reached.
        at: when it was written, in seconds since 1970.
    """

    key: str
    iteration: int
    segment: int
    at: float


def trial_states(folder: StoragePath, names: dict[str, str], *, others: bool) -> list[TrialState]:
    """The states of a sweep's trials; nothing is written, and no damage ends it.

    Args:
        folder: of the sweep.
        names: of its trials, by key.
        others: whether trials that have ended and are not named belong to it, as in a search.

    Raises:
        StorageError: if an object store cannot be asked.
    """
    found = (p.parent.name for p in folder.glob("trials/*/result.json")) if others else ()
    known = {**{key: key for key in sorted(found)}, **names}
    keys = [*names, *(key for key in known if key not in names)]
    return each_of(folder, lambda key: _state(folder, key, known[key]), keys)


def checkpoints(folder: StoragePath, keys: Collection[str]) -> list[Checkpointed]:
    """The last checkpoint of each of those trials that has one, the latest first.

    Raises:
        StorageError: if an object store cannot be asked.
    """
    there = [path for path in _listed(folder / "trials") if path.name in keys]
    found = [each for each in each_of(folder, _last_checkpoint, there) if each is not None]
    return sorted(found, key=lambda each: -each.at)


def each_of(
    place: StoragePath, look: Callable[[T], V], items: Iterable[T], at_once: int = _AT_ONCE
) -> list[V]:
    """What is found at each item; side by side in an object store, where each look is a request.

    In a folder threads would be slower than one look after the other.
    """
    if not isinstance(place, ObjectPath):
        return [look(item) for item in items]
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(look, items))


def _state(folder: StoragePath, key: str, name: str) -> TrialState:
    path = folder / "trials" / key / "result.json"
    try:
        row, ended_at = json.loads(path.read_bytes()), modified_at(path)
    except FileNotFoundError:
        return TrialState(key, name, "missing")
    except OSError as error:
        return TrialState(key, name, "missing", damage=f"{path}: {os_reason(error)}")
    except ValueError:
        return TrialState(key, name, "missing", damage=f"{path}: is not whole")
    status = row.get("status") if isinstance(row, dict) else None
    if status not in ("done", "failed"):
        return TrialState(key, name, "missing", damage=f"{path}: has no status of a trial")
    return _ended(key, name, row, ended_at)


def _ended(key: str, name: str, row: dict[str, Any], ended_at: float | None) -> TrialState:
    wall_s = row.get("wall_s")
    return TrialState(
        key=key,
        name=name,
        state=row["status"],
        error=_line(row.get("error")) if row["status"] == "failed" else None,
        transient=bool(row.get("transient", True)),
        ended_at=ended_at,
        wall_s=float(wall_s) if isinstance(wall_s, int | float) else None,
    )


def _line(text: Any) -> str:
    return next(iter(str(text or "").strip().splitlines()), "no message")


def _last_checkpoint(trial: StoragePath) -> Checkpointed | None:
    named = [(m, p) for p in _listed(trial / "checkpoint") if (m := _CHECKPOINT.match(p.name))]
    placed = [(int(m[1]), int(m[2]), at) for m, p in named if (at := modified_at(p)) is not None]
    return Checkpointed(trial.name, *max(placed)) if placed else None


def _listed(folder: StoragePath) -> list[StoragePath]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []

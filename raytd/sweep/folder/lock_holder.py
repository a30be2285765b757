"""Who runs a sweep now: the lock of its folder is looked at, never taken or written."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from raytd.errors import StorageError
from raytd.storage.files import modified_at
from raytd.storage.lease import DEAD_S
from raytd.storage.objects import ObjectPath
from raytd.storage.path import StoragePath

OWNER = ".owner.json"
"""Where the process that has the lock of a folder writes its name."""

LEASE = ".owner"
"""What the lease in an object store is of."""


class Holder(NamedTuple):
    """The process that said last that it runs a sweep.

    Attributes:
        name: of the process, such as `process 17 on node-3`.
        since: when it began, in seconds since 1970; None where the store knows no times.
        heard: its last sign of life, likewise; the same as `since` where it gives no others.
        is_alive: whether it still has the lock; None where that cannot be told.
    """

    name: str
    since: float | None
    heard: float | None
    is_alive: bool | None


def lock_holder(folder: StoragePath) -> Holder | None:
    """Who runs the sweep of a folder, or ran it and was killed; None where nobody says so.

    In an object store a process counts as alive if it has renewed its lease within a minute. Its
    times are those of the store, so a clock that is wrong here makes this answer wrong.

    Raises:
        StorageError: if an object store cannot be asked.
    """
    return _of_lease(folder) if isinstance(folder, ObjectPath) else _of_lock(folder)


def process_name(owner: StoragePath) -> str:
    """The process that wrote this file, in words.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not whole.
        KeyError: if it names no process.
    """
    said = json.loads(owner.read_text())
    return f"process {said['pid']} on {said['host']}"


def _of_lock(folder: Path) -> Holder | None:
    owner = folder / OWNER
    since = modified_at(owner)
    if since is None:
        return None
    return Holder(_named(owner), since, since, _is_locked(folder / ".sweep.yaml.lock"))


def _is_locked(lock: Path) -> bool | None:
    """Whether another process has the lock; None where locks cannot be looked at.

    A shared lock is asked for, which needs no right to write and does not hinder other looks.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no locks there, or no lock
        return None
    return False


def _of_lease(folder: ObjectPath) -> Holder | None:
    """The first of the queue that still renews its ticket, else the one that was heard last."""
    found = [h for claim in folder.glob(f"{LEASE}.*.claim") if (h := _of_claim(claim))]
    alive = [holder for holder in found if holder.is_alive]
    if alive:
        return min(alive, key=lambda holder: holder.since or 0.0)
    return max(found, key=lambda holder: holder.heard or 0.0, default=None)


def _of_claim(claim: ObjectPath) -> Holder | None:
    ticket = claim.with_name(claim.name.removesuffix(".claim") + ".ticket")
    if not ticket.is_file():  # it has just come, or just gone
        return None
    heard = modified_at(ticket)
    is_alive = None if heard is None else time.time() - heard < DEAD_S
    return Holder(_named(claim), modified_at(claim), heard, is_alive)


def _named(owner: StoragePath) -> str:
    with suppress(OSError, ValueError, KeyError, TypeError, StorageError):
        return process_name(owner)
    return "a process without a name"

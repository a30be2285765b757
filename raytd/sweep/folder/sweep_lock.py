"""One `raytd sweep` of a sweep at a time: the second waits and finds what the first has done."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from raytd.storage.files import write_json
from raytd.storage.lease import DEAD_S, leased
from raytd.storage.locks import alone
from raytd.storage.objects import ObjectPath
from raytd.storage.path import StoragePath
from raytd.sweep.folder.lock_holder import LEASE, OWNER, process_name

_FOREVER_S = -1.0
_NAME_S = 5.0
"""Seconds that a process which has just got the lock may take to write its name."""


@contextmanager
def turn(folder: StoragePath, tell: Callable[[str], None]) -> Iterator[None]:
    """Runs the block while no other process runs the sweep of a folder, waiting for it at first.

    The operating system takes the lock from a process that dies. In an object store it is a lease,
    which a dead process loses after a minute. On a file system without locks the user is told, and
    nothing is locked.

    Args:
        folder: of the sweep.
        tell: called with what the user should know.

    Raises:
        StorageError: if the folder cannot be written.
    """
    with _lease(folder, tell) if isinstance(folder, ObjectPath) else _lock(folder, tell):
        yield


@contextmanager
def _lease(folder: ObjectPath, tell: Callable[[str], None]) -> Iterator[None]:
    def say(owner: ObjectPath) -> None:
        tell(f"{_other(owner)}, or in {DEAD_S:g} s if it has died")

    def say_lost() -> None:
        tell("another raytd sweep took this one for dead and runs it, too; both get the same bits")

    with leased(folder / LEASE, on_wait=say, on_loss=say_lost):
        yield


@contextmanager
def _lock(folder: Path, tell: Callable[[str], None]) -> Iterator[None]:
    path, owner = folder / "sweep.yaml", folder / OWNER

    def say() -> None:
        tell(_other(owner))

    with ExitStack() as stack:
        lock = alone(path, what=f"sweep {folder.name}", timeout_s=_FOREVER_S, on_wait=say)
        try:
            stack.enter_context(lock)
        except NotImplementedError:
            tell(f"{folder}: its file system has no locks; run one raytd sweep of it at a time")
        stack.callback(owner.unlink, missing_ok=True)
        write_json(owner, {"pid": os.getpid(), "host": socket.gethostname()})
        yield


def _other(owner: StoragePath) -> str:
    return f"another raytd sweep runs this one ({_who(owner)}); what it leaves to do comes then"


def _who(owner: StoragePath) -> str:
    """The process that holds the lock, as far as it says so."""
    end = time.monotonic() + _NAME_S
    while time.monotonic() < end:
        with suppress(OSError, ValueError, KeyError):
            return process_name(owner)
        time.sleep(0.1)
    return "a process without a name"

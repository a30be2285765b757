"""One process at a time, across processes and machines that share a folder or a store."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from raytd.errors import WaitTimeoutError
from raytd.storage.files import storage_error
from raytd.storage.lease import leased
from raytd.storage.objects import ObjectPath
from raytd.storage.path import StoragePath

_logger = logging.getLogger("raytd")

WAIT_S = 86_400.0
"""Longest wait for another process, in seconds: as long as the longest training may take."""


@contextmanager
def alone(
    path: Path,
    *,
    what: str,
    timeout_s: float = WAIT_S,
    on_wait: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Runs the block while no other process holds the lock of `path`, waiting for it at first.

    The operating system frees the lock of a process that dies; the empty file stays.

    Args:
        path: that is guarded; the lock lies beside it.
        what: is guarded, in words.
        timeout_s: how long to wait.
        on_wait: called once if another process holds it.

    Raises:
        StorageError: if the folder cannot be written.
        WaitTimeoutError: if another process holds it for longer.
    """
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=timeout_s)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _acquire(lock, on_wait)
    except Timeout as error:
        raise WaitTimeoutError(
            f"{what}: another process has been at it for {timeout_s:g} s (it holds "
            f"{lock.lock_file}); end that process, or wait for it and run the command again"
        ) from error
    except OSError as error:
        raise storage_error(path, error) from error
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock, on_wait: Callable[[], None]) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        on_wait()
        lock.acquire()


def make_once(
    path: StoragePath,
    make: Callable[[], None],
    *,
    what: str,
    is_there: Callable[[], bool] | None = None,
) -> None:
    """Makes a file that is not there; of several processes that want it, one makes it.

    The others say once, in a line of the log `raytd`, what they wait for. An object store has no
    locks but leases; if one is lost, a second process makes the same once more.

    Args:
        path: of the file.
        make: writes it, as a whole.
        what: it is, in words.
        is_there: whether it need not be made; None: a file is enough.

    Raises:
        StorageError: as `alone`.
        WaitTimeoutError: as `alone`.
    """
    is_there = is_there or path.exists
    if is_there():
        return

    def say(*_: ObjectPath) -> None:
        _logger.warning("%s: another process makes it; waiting for %s", what, path.name)

    if isinstance(path, ObjectPath):
        turn = leased(path, on_wait=say, on_loss=lambda: None)
    else:
        turn = alone(path, what=what, on_wait=say)
    with turn:
        if not is_there():
            make()

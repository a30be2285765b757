"""One process at a time where there are no locks: an object that its owner renews while it lives.

Object stores say who wrote last and nothing else. So whoever wants the lease writes its own name,
waits a moment, and looks whose name is there. Clocks of two machines are never compared: who waits
sees by its own clock whether the object still changes.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import uuid4

from raytd.errors import StorageError
from raytd.storage.objects import ObjectPath

RENEW_S = 15.0
DEAD_S = 60.0
"""Seconds without a change after which the owner counts as dead."""
_SETTLE_S = 2.0
"""Seconds after which everybody who wrote at the same time has written."""
_LOOK_S = 5.0


class Lease:
    """A lease that this process wants or has.

    Two processes have it at once only if one of them is stopped for `DEAD_S`, or writes for longer
    than `_SETTLE_S`; the next `renew` of one of them then says so.

    Args:
        path: of the object.
        clock: seconds, from anywhere.
        pause: waits for some seconds.

    Raises:
        StorageError: from `take`, if the store cannot be read or written.
    """

    def __init__(
        self,
        path: ObjectPath,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path, self._clock, self._pause = path, clock, pause
        self._token, self._beat = uuid4().hex, 0

    def take(self, on_wait: Callable[[], None]) -> None:
        """Waits until nobody else has it.

        Args:
            on_wait: called once if somebody has.
        """
        seen, since, told = self._content(), self._clock(), False
        while seen is not None and self._clock() - since < DEAD_S or not self._won():
            if not told:
                on_wait()
                told = True
            self._pause(_LOOK_S)
            now = self._content()
            if now != seen:
                seen, since = now, self._clock()

    def renew(self) -> bool:
        """Shows that its owner lives; False if another process has taken it."""
        with suppress(StorageError):  # there is time for three more
            if not self._is_ours():
                return False
            self._write()
        return True

    def release(self) -> None:
        """Lets the next one have it at once."""
        with suppress(StorageError):
            if self._is_ours():
                self._path.unlink(missing_ok=True)

    def _won(self) -> bool:
        """Writes our name, and looks whether nobody wrote over it."""
        self._write()
        self._pause(_SETTLE_S)
        return self._is_ours()

    def _write(self) -> None:
        self._beat += 1
        said = {"pid": os.getpid(), "host": socket.gethostname()}
        content = {**said, "token": self._token, "beat": self._beat}
        self._path.write_bytes(json.dumps(content).encode())

    def _is_ours(self) -> bool:
        return self._token.encode() in (self._content() or b"")

    def _content(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None


@contextmanager
def leased(
    path: ObjectPath, *, on_wait: Callable[[], None], on_loss: Callable[[], None]
) -> Iterator[None]:
    """Runs the block while this process has the lease, and renews it meanwhile.

    Args:
        path: of the object.
        on_wait: called once if another process has it.
        on_loss: called, in a thread of its own, if another process took it.

    Raises:
        StorageError: if the store cannot be read or written.
    """
    lease, ended = Lease(path), threading.Event()
    lease.take(on_wait)

    def keep() -> None:
        while not ended.wait(RENEW_S):
            if not lease.renew():
                ended.set()
                on_loss()

    keeper = threading.Thread(target=keep, name="raytd-lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()
        lease.release()

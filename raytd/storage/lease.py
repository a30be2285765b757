"""One process at a time where there are no locks: the first of a queue of processes that live.

Lamport's bakery (Communications of the ACM 17, 1974). A process that wants the lease writes a
claim, then a ticket with a higher number than all that are there. It has the lease when nobody
comes before it. A claim without a ticket may still get a low number, so the others wait for it.
Each object is written by one process alone, so the store needs no conditional writes, which
pyarrow does not offer. It must show at once what has been written, as S3, Google Cloud Storage and
Azure do. Clocks of two machines are never compared: a waiting process sees by its own clock
whether a ticket still changes.
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
"""Seconds without a change after which a process counts as dead."""
_LOOK_S = 5.0


class Lease:
    """A lease that this process wants or has.

    Two processes have it at once only if one of them was stopped for `DEAD_S`, or could not reach
    the store for so long. The next `renew` of that one says so.

    Args:
        path: what the lease is of; the claims and tickets lie beside it.
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
        self._token, self._number, self._beat = "", 0, 0
        self._seen: dict[str, tuple[bytes, float]] = {}

    def take(self, on_wait: Callable[[ObjectPath], None]) -> None:
        """Waits until nobody else has it.

        Args:
            on_wait: called once if somebody has, with the claim, JSON that holds `pid` and `host`.
        """
        told = False
        try:
            self._queue()
            while before := self._before():
                if not told:
                    on_wait(self._claim(next(iter(before))))
                    told = True
                self._remove_dead(before)
                self._pause(_LOOK_S)
                self._show()
        except BaseException:
            self.release()
            raise

    def renew(self) -> bool:
        """Shows that its owner lives; False if others took it for dead."""
        with suppress(StorageError):  # there is time for three more
            if not self._claim(self._token).is_file():
                return False
            self._show()
        return True

    def release(self) -> None:
        """Lets the next one have it at once."""
        with suppress(StorageError):
            self._remove(self._token)

    def _queue(self) -> None:
        """Goes to the end of the queue, each time under another name."""
        self._token = uuid4().hex
        said = {"pid": os.getpid(), "host": socket.gethostname()}
        self._claim(self._token).write_bytes(json.dumps(said).encode())
        self._number = 1 + max(map(_number, self._tickets().values()), default=0)
        self._show()

    def _before(self) -> dict[str, bytes]:
        """The tickets of those who come before us, by name, the first one first."""
        tickets = self._tickets()
        while self._token not in tickets:  # others took us for dead
            self.release()
            self._queue()
            tickets = self._tickets()
        queue = sorted((_number(ticket), name) for name, ticket in tickets.items())
        ours = (self._number, self._token)
        return {name: tickets[name] for number, name in queue if (number, name) < ours}

    def _remove_dead(self, tickets: dict[str, bytes]) -> None:
        now = self._clock()
        fresh = {name: (ticket, now) for name, ticket in tickets.items()}
        same = {name: old for name, old in self._seen.items() if tickets.get(name) == old[0]}
        self._seen = fresh | same
        for name, (_, since) in self._seen.items():
            if now - since >= DEAD_S:
                self._remove(name)

    def _tickets(self) -> dict[str, bytes]:
        """The ticket of each claim, empty where it has none yet."""
        claims = self._path.parent.glob(f"{self._path.name}.*.claim")
        return {name: self._read(name) for name in (claim.name.split(".")[-2] for claim in claims)}

    def _read(self, name: str) -> bytes:
        ticket = self._ticket(name)
        try:
            return ticket.read_bytes()
        except FileNotFoundError:
            return b""
        except StorageError:  # as of one that is removed while it is read
            if ticket.is_file():
                raise
            return b""

    def _show(self) -> None:
        """Writes our ticket, which is another one each time, of the same number and length."""
        self._beat += 1
        self._ticket(self._token).write_bytes(f"{self._number:09} {self._beat:09}".encode())

    def _remove(self, name: str) -> None:
        """Takes one out of the queue, at the moment when its claim, written once, is gone."""
        self._claim(name).unlink(missing_ok=True)
        self._ticket(name).unlink(missing_ok=True)

    def _claim(self, name: str) -> ObjectPath:
        return self._path.with_name(f"{self._path.name}.{name}.claim")

    def _ticket(self, name: str) -> ObjectPath:
        return self._path.with_name(f"{self._path.name}.{name}.ticket")


def _number(ticket: bytes) -> int:
    """The place in the queue, 0 where it is not known yet."""
    return int(ticket.partition(b" ")[0]) if ticket else 0


@contextmanager
def leased(
    path: ObjectPath, *, on_wait: Callable[[ObjectPath], None], on_loss: Callable[[], None]
) -> Iterator[None]:
    """Runs the block while this process has the lease, and renews it meanwhile.

    Args:
        path: what the lease is of.
        on_wait: called once if another process has it, as in `Lease.take`.
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

"""However the steps of several processes fall between each other, one at most has a lease."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytd.storage.lease import Lease
from raytd.storage.objects import ObjectPath

N_PROCESSES = 3
BURSTS = st.lists(st.tuples(st.integers(0, N_PROCESSES - 1), st.integers(1, 9)), max_size=30)
"""Who goes on, and for how many steps: a request to the store, a pause, or work with the lease."""


class Steps:
    """Threads of which one at a time goes on, from step to step, as it is told."""

    def __init__(self, works: list[Callable[[], None]]) -> None:
        self.failures: list[BaseException] = []
        self._stopped = threading.Semaphore(0)
        self._go = [threading.Semaphore(0) for _ in works]
        self._mine = threading.local()
        self._running = set(range(len(works)))
        for n, work in enumerate(works):
            threading.Thread(target=self._run, args=(n, work), daemon=True).start()
            self._stopped.acquire()

    def step(self) -> None:
        """Stops a thread here until it may go on."""
        self._stopped.release()
        self._go[self._mine.n].acquire()

    def go(self, n: int) -> None:
        """Lets one go on to its next step, if it has not ended."""
        if n in self._running:
            self._go[n].release()
            self._stopped.acquire()

    def finish(self) -> None:
        """Lets all of them go on in turn to their end."""
        for _ in range(10_000):
            for n in list(self._running):
                self.go(n)
            if not self._running:
                return
        pytest.fail("they wait for each other")

    def _run(self, n: int, work: Callable[[], None]) -> None:
        self._mine.n = n
        try:
            self.step()
            work()
        except BaseException as failure:  # noqa: BLE001 - told by the test's own thread
            self.failures.append(failure)
        finally:
            self._running.discard(n)
            self._stopped.release()


@settings(max_examples=60, deadline=None)
@given(bursts=BURSTS)
def test_two_never_have_it_at_once_and_everybody_gets_it(bursts: list[tuple[int, int]]) -> None:
    inside: list[int] = []
    had: list[int] = []

    def use(n: int) -> None:
        lease = Lease(path, clock=lambda: 0.0, pause=lambda _: steps.step())
        for _ in range(2):
            lease.take(lambda _: None)
            inside.append(n)
            steps.step()
            assert inside == [n]
            inside.remove(n)
            had.append(n)
            lease.release()

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = ObjectPath("file:///", PurePosixPath(folder.strip("/")) / "lease")
        opened = ObjectPath._opened

        @contextmanager
        def stepped(asked: ObjectPath, what: str) -> Iterator[Any]:
            steps.step()
            with opened(asked, what) as answer:
                yield answer

        patch.setattr(ObjectPath, "_opened", stepped)
        steps = Steps([lambda n=n: use(n) for n in range(N_PROCESSES)])
        for n, count in bursts:
            for _ in range(count):
                steps.go(n)
        steps.finish()
        patch.undo()
        assert steps.failures == []
        assert sorted(had) == sorted(2 * list(range(N_PROCESSES)))
        assert list(path.parent.iterdir()) == []

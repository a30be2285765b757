"""Signals while Ray starts or stops: stopped halfway, it leaves processes behind or crashes."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
_SAME_S = 1.0
"""Seconds after which a further signal is another one; see `raytd.cli.interruption`."""

_is_apart = False


@contextmanager
def children_apart() -> Iterator[None]:
    """Puts processes that Python starts within the block into process groups of their own.

    A closed terminal and `timeout` send their signals to the whole group. Without its processes
    Ray would hang for a minute and then end this one in its own way. They end with this process in
    any case: the kernel sees to that.
    """
    global _is_apart
    _is_apart = True
    try:
        yield
    finally:
        _is_apart = False


def _leave_group() -> None:
    if _is_apart:
        os.setpgid(0, 0)


os.register_at_fork(after_in_child=_leave_group)


@contextmanager
def signals_wait() -> Iterator[None]:
    """Within the block, a signal that would end the process waits for the end of the block.

    Another one after a second is not kept waiting. Ray cannot put handlers of its own in the place
    of ours, as `ray.init` does with SIGTERM. Outside of the main thread nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    set_handler = signal.signal
    there = [s for s in signal.Signals if s.name in _ENDING]
    ours = {s: h for s in there if (h := signal.getsignal(s)) not in (signal.SIG_IGN, None)}
    came: list[tuple[int, float]] = []

    def note(number: int, frame: Any) -> None:
        now = time.monotonic()
        if came and now - came[0][1] > _SAME_S:
            came.clear()
            give_back()
            signal.raise_signal(number)
        else:
            came.append((number, now))

    def leave_ours(number: int, handler: Any) -> Any:
        return signal.getsignal(number) if number in ours else set_handler(number, handler)

    def give_back() -> None:
        signal.signal = set_handler
        for number, handler in ours.items():
            set_handler(number, handler)

    for number in ours:
        set_handler(number, note)
    signal.signal = leave_ours  # type: ignore[assignment]
    try:
        yield
    finally:
        give_back()
        if came:
            signal.raise_signal(came[0][0])

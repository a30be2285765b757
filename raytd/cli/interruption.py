"""Ctrl-C, SIGTERM and SIGHUP: each ends a command in order, once, with one line."""

import re
import shlex
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

_SAME_S = 1.0
"""A further signal within so many seconds belongs to the first one.

A closed terminal sends SIGHUP from the shell and from the kernel, and `timeout` sends SIGTERM to
the process and to its group.
"""

_NAMES = {
    "SIGINT": "Ctrl-C",
    "SIGTERM": "SIGTERM",
    "SIGHUP": "SIGHUP (the terminal was closed)",
}
_PASSWORD = re.compile(r"//[^/@\s]*@")


class Interrupted(Exception):
    """A signal has ended the command, and everything that it had begun is tidied up."""


class Interruption:
    """Whether a signal came, and which one was first.

    Libraries may swallow a KeyboardInterrupt or turn it into another error, so it is remembered.

    Args:
        words: of the command line, without the program.
        again: what goes on where it was no command line.

    Attributes:
        signal: that came first, if one came.
        told: the user has read the line about it.
    """

    def __init__(self, words: Sequence[str] = (), again: str | None = None) -> None:
        self.signal: signal.Signals | None = None
        self.told = False
        self._words, self._again = words, again
        self._came_at = 0.0
        self._is_held = False

    @property
    def exit_code(self) -> int:
        """As shells have it: 128 and the number of the signal."""
        return 128 + (self.signal or signal.SIGINT)

    def check(self) -> None:
        """Raises again what was lost on its way.

        Raises:
            KeyboardInterrupt: if a signal came.
        """
        if self.signal is not None:
            raise KeyboardInterrupt

    def arrive(self, number: int, _: Any = None) -> None:
        """Handles a signal: the first ends the work, one after a second ends the tidying up, too.

        Raises:
            KeyboardInterrupt: unless it belongs to the first, or is the first and is held.
        """
        now = time.monotonic()
        if self.signal is None:
            self.signal, self._came_at = signal.Signals(number), now
            if not self._is_held:
                raise KeyboardInterrupt
        elif now - self._came_at > _SAME_S:
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within the block, a first signal waits for the end of the outermost such block.

        Raises:
            KeyboardInterrupt: at that end, if a signal came.
        """
        before, self._is_held = self._is_held, True
        try:
            yield
        finally:
            self._is_held = before
        if not before:
            self.check()

    @contextmanager
    def let_through(self) -> Iterator[None]:
        """A part of a block that is held in which signals are not.

        Raises:
            KeyboardInterrupt: at once, if a signal waits.
        """
        self._is_held = False
        try:
            self.check()
            yield
        finally:
            self._is_held = True

    def line(self, so_far: str = "") -> str:
        """What came, what there is so far, and the command to type again.

        The passwords of URIs are left out, because lines are kept in logs.
        """
        name = _NAMES[(self.signal or signal.SIGINT).name]
        words = [_PASSWORD.sub("//***@", word) for word in self._words]
        again = self._again or shlex.join(["raytd", *words])
        return f"stopped by {name}{so_far}; run it again with: {again}"


pass_interruption = click.make_pass_decorator(Interruption, ensure=True)
"""Hands the interruption of this command line to a command, as its first argument."""


@contextmanager
def remembered(words: Sequence[str] = (), again: str | None = None) -> Iterator[Interruption]:
    """Within the block, the signals that end a process raise KeyboardInterrupt, remembered.

    A signal that the process was started to ignore stays ignored, as under `nohup`. Outside of the
    main thread, which alone gets signals, nothing is changed. After a command was interrupted, the
    next signal ends the process at once: Ray is stopped by then, and the interpreter only exits.

    Args:
        words: of the command line, without the program.
        again: what goes on where it was no command line; the process lives on then.
    """
    interruption = Interruption(words, again)
    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        there = [s for s in signal.Signals if s.name in _NAMES]  # Windows has no SIGHUP
        before = {s: signal.getsignal(s) for s in there}
        before = {s: b for s, b in before.items() if b not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, interruption.arrive)
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            exits = interruption.signal is not None and again is None
            signal.signal(number, signal.SIG_DFL if exits else handler)


def ended_in_order(work: Callable[[], Any], interruption: Interruption) -> Any:
    """Does the work of a command; whatever a signal made of it, one exception comes out.

    Raises:
        Interrupted: if a signal came while it was done.
    """
    try:
        value = work()
    except BaseException as error:
        if interruption.signal is None:
            raise
        raise Interrupted from error
    if interruption.signal is not None:
        raise Interrupted
    return value

"""`raytd` in a terminal: what a person sees of it, line by line."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyte

from tests.cli.commands import command, environment, exit_code, surroundings

WIDE = 1000
"""Columns of a terminal that wraps nothing."""

ROWS = 30


@dataclass
class Seen:
    """What a command has left on a terminal.

    Attributes:
        code: with which it exited.
        columns: of the window at its end.
        screen: every line from the first to the last, those that scrolled away included.
        unwrapped: the same on a terminal so wide that it wraps nothing.
        moments: the window, as text, each time that something was written.
        raw: what was written.
        at_line_start: nothing stands to the left of where the shell would write next.
        has_cursor: the cursor is to be seen again.
    """

    code: int = -1
    columns: int = 80
    screen: list[str] = field(default_factory=list)
    unwrapped: list[str] = field(default_factory=list)
    moments: list[str] = field(default_factory=list)
    raw: bytes = b""
    at_line_start: bool = False
    has_cursor: bool = False

    @property
    def text(self) -> str:
        return "\n".join(self.screen)


class Terminal:
    """A window of some size; `feed` takes what is written to it."""

    def __init__(self, columns: int) -> None:
        self.screen = pyte.HistoryScreen(columns, ROWS, history=100_000)
        self._stream = pyte.ByteStream(self.screen)

    def feed(self, data: bytes) -> None:
        self._stream.feed(data)

    def window(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def lines(self) -> list[str]:
        gone = [
            "".join(row[column].data for column in range(self.screen.columns))
            for row in self.screen.history.top
        ]
        return [line.rstrip() for line in [*gone, *self.screen.display]]


Resize = Callable[[str], int | None]
"""Is given the window whenever it has changed; returns the columns it is to have from now on."""


def shown_in(
    folder: Path,
    *args: str | Path,
    columns: int = 80,
    then: Resize = lambda _: None,
    timeout_s: float = 240,
    **more: str,
) -> Seen:
    """`raytd` in a window of so many columns, until it ends, as a process of its own.

    Args:
        folder: where it runs, which is its home, too.
        args: of the command line.
        columns: of the window.
        then: see `Resize`.
        timeout_s: until it is killed.
        more: of its environment.
    """
    ours, theirs = pty.openpty()
    _resize(theirs, columns)
    process = subprocess.Popen(
        command(*args),
        cwd=folder,
        env=_known(folder) | more,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    end = time.monotonic() + timeout_s
    try:
        seen = _read(ours, columns, then, lambda: time.monotonic() > end)
        seen.code = process.wait(max(1.0, end - time.monotonic()))
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return seen


def shown_here(
    folder: Path,
    *args: str | Path,
    columns: int = 80,
    then: Resize = lambda _: None,
    **more: str,
) -> Seen:
    """As `shown_in`, in this process, which costs no imports: the window is not its terminal,
    so that it gets no signals from there.
    """
    ours, theirs = pty.openpty()
    _resize(theirs, columns)
    ended = threading.Event()
    with ThreadPoolExecutor(1) as reader, _closing(ours):
        reading = reader.submit(_read, ours, columns, then, ended.is_set)
        try:
            with _streams_at(theirs), surroundings(folder):
                for name in ("COLUMNS", "NO_COLOR"):
                    os.environ.pop(name, None)
                os.environ.update(_known(folder) | more)
                code = exit_code(args)
        finally:
            ended.set()  # what Python starts for all of its processes may keep the terminal open
        seen = reading.result()
    seen.code = code
    return seen


@contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)


def _known(folder: Path) -> dict[str, str]:
    """The environment of a command in a terminal with colours."""
    known = {k: v for k, v in environment(folder).items() if k not in ("COLUMNS", "NO_COLOR")}
    return known | {"TERM": "xterm-256color"}


@contextmanager
def _streams_at(terminal: int) -> Iterator[None]:
    """Within the block, this process reads from and writes to a terminal, which is then closed."""
    before = [os.dup(number) for number in range(3)]
    streams = sys.stdin, sys.stdout, sys.stderr
    for number in range(3):
        os.dup2(terminal, number)
    os.close(terminal)
    sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdin, sys.stdout, sys.stderr = streams
        for number, kept in enumerate(before):
            os.dup2(kept, number)
            os.close(kept)


def _read(terminal: int, columns: int, then: Resize, is_over: Callable[[], bool]) -> Seen:
    """Reads what is written to a terminal until nothing can follow, or it is over."""
    seen, narrow, wide = Seen(columns=columns), Terminal(columns), Terminal(WIDE)
    while (data := _written(terminal, is_over)) is not None:
        seen.raw += data
        for each in (narrow, wide):
            each.feed(data)
        seen.moments.append(narrow.window())
        if (asked := then(seen.moments[-1])) is not None and asked != seen.columns:
            seen.columns = asked
            narrow.screen.resize(ROWS, asked)
            _resize(terminal, asked)
    cursor = narrow.screen.cursor
    seen.at_line_start, seen.has_cursor = cursor.x == 0, not cursor.hidden
    seen.screen, seen.unwrapped = _whole(narrow.lines()), _whole(wide.lines())
    return seen


def _written(descriptor: int, is_over: Callable[[], bool]) -> bytes | None:
    """What is written next; None once nothing can follow, or it is over and all is read."""
    ready: list[int] = []
    while not ready:
        last = is_over()  # asked before the look, so that what was written until then is read
        ready, _, _ = select.select([descriptor], [], [], 0 if last else 0.05)
        if last and not ready:
            return None
    try:
        return os.read(descriptor, 65536) or None
    except OSError:  # the last process that could write has ended
        return None


def _resize(descriptor: int, columns: int) -> None:
    """Tells the processes of the terminal, as a window does."""
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))


def _whole(lines: list[str]) -> list[str]:
    """The lines down to the last that is not empty."""
    while lines and not lines[-1]:
        lines.pop()
    return lines


_GAP = re.compile(r"\S {2,}(?=\S)")


def too_wide(seen: Seen) -> list[str]:
    """Lines that the window has wrapped, and that are more than a label and one line of text."""
    wrapped = [line for line in seen.unwrapped if len(line) > seen.columns]
    return [line for line in wrapped if len(_GAP.findall(line)) > 1 or "──" in line]

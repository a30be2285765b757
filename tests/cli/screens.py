"""`raytd` in a terminal: what a person sees of it, line by line."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyte

from tests.cli.commands import command, environment

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


def shown_in(
    folder: Path,
    *args: str | Path,
    columns: int = 80,
    then: Callable[[str], int | None] = lambda _: None,
    timeout_s: float = 240,
    **more: str,
) -> Seen:
    """`raytd` in a window of so many columns, until it ends.

    Args:
        folder: where it runs, which is its home, too.
        args: of the command line.
        columns: of the window.
        then: is given the window whenever it has changed; returns the columns that it is to have
            from now on, or None.
        timeout_s: until it is killed.
        more: of its environment.
    """
    seen, terminal, wide = Seen(columns=columns), Terminal(columns), Terminal(WIDE)
    ours, theirs = pty.openpty()
    _resize(theirs, columns)
    known = {k: v for k, v in environment(folder).items() if k not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen(
        command(*args),
        cwd=folder,
        env=known | {"TERM": "xterm-256color"} | more,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    end = time.monotonic() + timeout_s
    try:
        while (data := _written(ours, end)) is not None:
            seen.raw += data
            for each in (terminal, wide):
                each.feed(data)
            seen.moments.append(terminal.window())
            if (asked := then(seen.moments[-1])) is not None and asked != seen.columns:
                seen.columns = asked
                terminal.screen.resize(ROWS, asked)
                _resize(ours, asked)
        seen.code = process.wait(max(1.0, end - time.monotonic()))
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    cursor = terminal.screen.cursor
    seen.at_line_start, seen.has_cursor = cursor.x == 0, not cursor.hidden
    seen.screen, seen.unwrapped = _whole(terminal.lines()), _whole(wide.lines())
    return seen


def _written(descriptor: int, end: float) -> bytes | None:
    """What is written next; None once nothing can follow."""
    ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
    if not ready:
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

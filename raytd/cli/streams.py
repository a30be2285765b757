"""Standard output and standard error, which may vanish, be full, or not know a character.

A terminal is closed, the reader of a pipe ends, a disk fills up. What is said on standard error
never ends a command. A result that cannot be printed does, in one line.
"""

import errno
import io
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

from raytd.errors import RaytdError, os_reason

_VANISHED = (errno.EIO, errno.EPIPE)


class _Lasting(io.RawIOBase):
    """A file whose reader may go away; what is written after that is lost without an error."""

    def __init__(self, number: int) -> None:
        self._number = number

    def write(self, data: Any) -> int:
        try:
            return os.write(self._number, data)
        except OSError as error:
            if error.errno not in _VANISHED:
                raise
            return memoryview(data).nbytes

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)


class OutputError(RaytdError):
    """Standard output cannot be written."""


class ReaderGoneError(OutputError):
    """Nobody reads standard output any more, as after `| head`."""

    exit_code = 141
    """As shells have it for a process that SIGPIPE ends."""


class _Printing(_Lasting):
    """A file of results: what cannot be written is an error in one line."""

    def write(self, data: Any) -> int:
        try:
            return os.write(self._number, data)
        except OSError as error:
            if error.errno in _VANISHED:
                raise ReaderGoneError(
                    "standard output was closed before all was printed"
                ) from error
            reason = os_reason(error)
            raise OutputError(f"standard output cannot be written ({reason})") from error


def prepare_streams() -> None:
    """Makes both streams what this file says; a character that they do not know becomes `?`.

    A stream that was put in the place of one of them, as tests do, is left alone.
    """
    if _is_own(sys.stderr, sys.__stderr__):
        sys.stderr = _text(_Lasting(sys.stderr.fileno()), sys.stderr, at_once=True)
    if _is_own(sys.stdout, sys.__stdout__):
        printing = _Printing(sys.stdout.fileno())
        sys.stdout = _text(printing, sys.stdout, at_once=printing.isatty())


def _is_own(stream: TextIO, first: TextIO | None) -> bool:
    return isinstance(stream, io.TextIOWrapper) and stream is first


def _text(raw: io.RawIOBase, like: TextIO, *, at_once: bool) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=like.encoding, errors="replace", line_buffering=at_once
    )


def drop_lost_output() -> None:
    """Lets the interpreter exit with our code where standard output cannot be written any more."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, OutputError):
        with suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())

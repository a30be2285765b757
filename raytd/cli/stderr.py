"""Standard error that may vanish while a command runs: its terminal is closed, its pipe ends."""

import errno
import io
import os
import sys
from typing import Any

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


def outlive_reader() -> None:
    """Lets what is said on standard error never end a command because nobody can read it.

    A stream that was put in the place of standard error, as tests do, is left alone.
    """
    stream = sys.stderr
    if not isinstance(stream, io.TextIOWrapper) or stream is not sys.__stderr__:
        return
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(_Lasting(stream.fileno())),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=True,
    )

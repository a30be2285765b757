"""Files of a request: each is read once, so that what is kept is what was run.

A file may be edited while a sweep waits, and a pipe has its content only once.
"""

import errno
import io
import os
import select
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

STDIN = Path("-")
"""Names standard input where a sweep file is wanted."""

_read: ContextVar[dict[Path, bytes] | None] = ContextVar("_read", default=None)


_MOST = 2**24
"""Bytes of a file: no sweep file has so many, and a device has no end."""

_PIPE_S = 3.0
"""How long a pipe may be without a program that writes into it."""


@contextmanager
def each_file_once() -> Iterator[None]:
    """Within the block a file is read when it is first asked for, and not again."""
    known = _read.get()
    token = _read.set({} if known is None else known)
    try:
        yield
    finally:
        _read.reset(token)


def content_of(path: Path) -> bytes:
    """The content of a file or a pipe, or of standard input for `-`.

    Raises:
        OSError: if it cannot be read.
    """
    known = _read.get()
    if known is not None and path in known:
        return known[path]
    content = sys.stdin.buffer.read(_MOST + 1) if path == STDIN else _read_some(path)
    if len(content) > _MOST:
        raise OSError(errno.EFBIG, f"it has more than {_MOST:,} bytes, far more than a sweep needs")
    if known is not None:
        known[path] = content
    return content


def _read_some(path: Path) -> bytes:
    """The content of a file, or of a pipe once a program writes into it; a byte more than may be.

    Raises:
        OSError: if it cannot be read, or nothing writes into the pipe.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe without a writer would block
    with open(handle, "rb", buffering=0) as file:
        if stat.S_ISFIFO(os.fstat(handle).st_mode):
            _await_writer(handle)
        os.set_blocking(handle, True)
        with io.BufferedReader(file) as reader:
            return reader.read(_MOST + 1)


def _await_writer(handle: int) -> None:
    """Waits until a pipe has content, or had a writer that has closed it.

    Raises:
        OSError: if it has had none for too long.
    """
    found = select.poll()
    found.register(handle, select.POLLIN)
    if found.poll(_PIPE_S * 1000):
        return
    with suppress(BlockingIOError):  # a writer is there, and takes its time
        os.read(handle, 1)
        raise OSError(errno.ETIMEDOUT, f"no program writes into this pipe for {_PIPE_S:g} s")

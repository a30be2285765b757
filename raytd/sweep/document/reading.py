"""Files of a request: each is read once, so that what is kept is what was run.

A file may be edited while a sweep waits, and a pipe has its content only once.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

STDIN = Path("-")
"""Names standard input where a sweep file is wanted."""

_read: ContextVar[dict[Path, bytes] | None] = ContextVar("_read", default=None)


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
    content = sys.stdin.buffer.read() if path == STDIN else path.read_bytes()
    if known is not None:
        known[path] = content
    return content

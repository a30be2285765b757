"""Images that lie raw, one after the other, in a file or in a compressed stream."""

import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import IO, Any

import numpy as np

from raytd.errors import DataError, first_line
from raytd.tasks.readers.contract import MAX_BYTES, Indices, Raw

BROKEN = (
    OSError,
    EOFError,
    RuntimeError,
    UnicodeDecodeError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)
"""What the standard library raises over a damaged stream."""


@dataclass(frozen=True)
class StreamedImages:
    """Rows of numbers behind a header, read in one pass, so that memory holds one row at a time.

    Attributes:
        name: of the file, for messages.
        open: opens it at its first byte.
        start: where the first row begins, in bytes.
        shape: height, width and channels of a row, or channels, height and width.
        channels_first: which of the two.
        dtype: of a number.
    """

    name: str
    open: Callable[[], IO[bytes]]
    start: int
    shape: tuple[int, int, int]
    channels_first: bool
    dtype: np.dtype[Any] = np.dtype(np.uint8)

    def decode(self, rows: Indices) -> Iterator[Raw]:
        """The images of these rows, one at a time.

        Raises:
            DataError: if the stream is damaged or ends too early.
        """
        size = prod(self.shape) * self.dtype.itemsize
        if size > MAX_BYTES:
            shape = "×".join(map(str, self.shape))
            raise DataError(f"{self.name}: images of {shape} numbers; too large to be meant")
        with damage_told(self.name), self.open() as stream:
            for row in rows:
                stream.seek(self.start + int(row) * size)
                data = stream.read(size)
                if len(data) < size:
                    raise DataError(f"{self.place(int(row))}: the file ends before this image does")
                image = np.frombuffer(data, self.dtype).reshape(self.shape)
                yield image if self.channels_first else image.transpose(2, 0, 1)
            stream.read(1)  # behind the last row stands the checksum, if there is one

    def place(self, row: int) -> str:
        """The file and the row."""
        return f"{self.name} row {row}"


@contextmanager
def damage_told(name: str) -> Iterator[None]:
    """What goes wrong inside becomes one line that names the file.

    Raises:
        DataError: in place of the library's exception.
    """
    try:
        yield
    except BROKEN as error:
        raise DataError(f"{name}: damaged ({first_line(error)})") from error

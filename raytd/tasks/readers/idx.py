"""IDX files: the four files of MNIST and its relatives, packed by gzip or not.

Format: http://yann.lecun.com/exdb/mnist, big-endian: two zero bytes, 8 for unsigned bytes, the
number of dimensions, each dimension in four bytes, then the data.
"""

import gzip
import struct
from functools import partial
from pathlib import Path
from typing import IO, cast

import numpy as np

from raytd.errors import DataError
from raytd.tasks.readers.contract import Content, Indices, Split, check_rows
from raytd.tasks.readers.streamed import StreamedImages, damage_told
from raytd.tasks.readers.walk import is_hidden
from raytd.words import listed

_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "val": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def is_there(path: Path) -> bool:
    """Whether the four files are there."""
    return all(_find(path, name) for names in _FILES.values() for name in names)


def read(path: Path) -> Content:
    """The labels of both parts; classes have numbers and no names."""
    missing = [name for names in _FILES.values() for name in names if not _find(path, name)]
    if missing:
        raise DataError(f"{path}: no {missing[0]}, with or without .gz")
    used = {_find(path, name) for names in _FILES.values() for name in names}
    others = sorted(p.name for p in path.iterdir() if p not in used and not is_hidden(p.name))
    notes = (f"Files are left out: {listed(others)}.",) if others else ()
    return Content(None, _split(path, "train"), _split(path, "val"), notes)


def _find(folder: Path, name: str) -> Path | None:
    there = (path for suffix in ("", ".gz") if (path := folder / f"{name}{suffix}").is_file())
    return next(there, None)


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _split(folder: Path, part: str) -> Split:
    images, labels = (folder / name for name in _FILES[part])
    images, labels = _find(folder, images.name) or images, _find(folder, labels.name) or labels
    n, height, width = _header(images, 3)
    numbers = _labels(labels)
    check_rows(n, len(numbers), f"{images} and {labels.name}")
    opener = partial(_open, images)
    rows = StreamedImages(str(images), opener, 16, (height, width, 1), False)
    return Split(numbers, rows, {"train": "train", "val": "test"}[part], 1)


def _header(path: Path, n_dimensions: int) -> tuple[int, ...]:
    """The dimensions; a file that is not packed must be as long as they say."""
    with damage_told(str(path)), _open(path) as stream:
        head = stream.read(4 + 4 * n_dimensions)
    if len(head) < 4 + 4 * n_dimensions or head[:4] != bytes((0, 0, 8, n_dimensions)):
        raise DataError(f"{path}: not an IDX file of bytes with {n_dimensions} dimension(s)")
    shape = struct.unpack(f">{n_dimensions}I", head[4:])
    there, wanted = path.stat().st_size, len(head) + int(np.prod(shape, dtype=object))
    if path.suffix != ".gz" and there != wanted:
        raise DataError(f"{path}: {there} bytes where its header asks for {wanted}")
    return shape


def _labels(path: Path) -> Indices:
    (n,) = _header(path, 1)
    check_rows(n, n, str(path))
    with damage_told(str(path)), _open(path) as stream:
        content = stream.read(8 + n + 1)  # one byte more: a checksum at the end is looked at
    data = content[8:]
    if len(data) < n:
        raise DataError(f"{path} row {len(data)}: the file ends before this label")
    if len(data) > n:
        raise DataError(f"{path}: it holds more labels than the {n} of its header")
    return np.frombuffer(data, np.uint8).astype(np.int64)

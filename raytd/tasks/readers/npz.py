"""NumPy archives: arrays of images and of labels, in the names that Keras and MedMNIST use.

Images are numbers: (n, height, width), (n, height, width, channels) or (n, channels, height,
width).
Members are read as streams, never unpacked to disk, and never unpickled.
"""

import sys
import zipfile
from collections.abc import Container
from dataclasses import replace
from functools import partial
from math import prod
from pathlib import Path, PurePosixPath
from tokenize import TokenError
from typing import IO, Any, NamedTuple

import numpy as np

from raytd.errors import DataError, first_line
from raytd.tasks.readers.class_numbers import (
    named_numbering,
    note_on_kind,
    one_numbering,
    whole_numbers,
)
from raytd.tasks.readers.contract import MAX_BYTES, Content, Indices, Split, check_rows
from raytd.tasks.readers.parts import train_and_val, unused
from raytd.tasks.readers.streamed import StreamedImages, damage_told
from raytd.words import listed

_PARTS = {
    "train": ("x_train", "train_images", "images", "x"),
    "validation": ("x_val", "val_images", "x_valid", "valid_images"),
    "test": ("x_test", "test_images"),
}
_CLASS_NAMES = ("class_names", "classes", "label_names")


class _Header(NamedTuple):
    """What the header of a member says, and its own length in bytes."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    length: int


def is_there(path: Path) -> bool:
    """Whether there is such a file."""
    return path.is_file()


def read(path: Path) -> Content:
    """Labels and class names."""
    with damage_told(str(path)), zipfile.ZipFile(path) as archive:
        members = _members(path, archive)
        found = {p: next((n for n in names if n in members), None) for p, names in _PARTS.items()}
        if found["train"] is None:
            wanted = " or ".join(_PARTS["train"])
            raise DataError(f"{path}: no array {wanted}; it has {', '.join(members) or 'none'}")
        names_member = next((n for n in _CLASS_NAMES if n in members), None)
        names = None
        if names_member is not None:
            values = _array(path, archive, names_member, kinds="U")
            names = tuple(map(str, values.ravel()))
        arrays = {p: name for p, name in found.items() if name}
        labels, on_kind = _labels(path, archive, members, arrays)
        numbers, names = _numbered(path, labels, names)
        splits = {
            p: replace(_split(path, archive, name, numbers[p]), part=p, files=1)
            for p, name in arrays.items()
        }
    used = {*found.values(), *(_labels_of(n, members) for n in found.values() if n), names_member}
    notes = [*unused(splits), *on_kind, *_arrays_left(members, used)]
    return Content(names, *train_and_val(splits), tuple(notes))


def _arrays_left(members: list[str], used: Container[str | None]) -> list[str]:
    """A sentence on arrays that are not read."""
    left = [name for name in members if name not in used]
    return [f"Arrays are left out: {listed(left, 6)}."] if left else []


def _members(path: Path, archive: zipfile.ZipFile) -> list[str]:
    """Names of the arrays.

    Raises:
        DataError: if a member would be written outside of a folder that the archive is unpacked in.
    """
    for name in archive.namelist():
        parts = PurePosixPath(name.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in "".join(parts.parts[:1]):
            raise DataError(f"{path}: the member '{name}' leaves the archive's folder; not read")
    return [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]


def _labels(
    path: Path, archive: zipfile.ZipFile, members: list[str], arrays: dict[str, str]
) -> tuple[dict[str, np.ndarray[Any, Any]], list[str]]:
    """The labels of each part: whole numbers, or text as objects; and notes."""
    found: dict[str, np.ndarray[Any, Any]] = {}
    notes: list[str] = []
    for part, images in arrays.items():
        name = _labels_of(images, members)
        if name is None:
            wanted = " or ".join(_label_names(images))
            raise DataError(f"{path}: no array {wanted} beside {images}")
        values = _array(path, archive, name, kinds="iufbU")
        if values.ndim > 1 and values.size > len(values):
            raise DataError(
                f"{path}: {name} has shape {values.shape}; one label for each image wanted (of "
                "one-hot rows, save labels.argmax(axis=1))"
            )
        values = values.ravel()
        is_text = values.dtype.kind == "U"
        found[part] = values.astype(object) if is_text else whole_numbers(path, name, values)
        notes += note_on_kind(f"Array '{name}'", str(values.dtype))
    return found, notes


def _numbered(
    path: Path, labels: dict[str, np.ndarray[Any, Any]], names: tuple[str, ...] | None
) -> tuple[dict[str, Indices], tuple[str, ...] | None]:
    """The labels of each part as numbers of the same classes, and the names of those."""
    text = [part for part, values in labels.items() if values.dtype.kind == "O"]
    if not text:
        return labels, names
    place = {part: Path(f"{path} ({part})") for part in labels}
    by_place = {place[part]: values for part, values in labels.items()}
    if names and len(text) == len(labels):
        numbers = named_numbering(by_place, names)
    else:
        numbers, names = one_numbering(by_place, dict.fromkeys(by_place, names))
    return {part: numbers[place[part]] for part in labels}, names


def _split(path: Path, archive: zipfile.ZipFile, name: str, labels: Indices) -> Split:
    header = _header(path, archive, name, kinds="buif")
    row, first = _row_shape(path, name, header)
    check_rows(header.shape[0], labels.size, f"{path} ({name})")
    images = StreamedImages(
        f"{path} ({name})", partial(_open, path, name), header.length, row, first, header.dtype
    )
    return Split(labels, images)


def _label_names(images: str) -> tuple[str, ...]:
    if images.startswith("x"):
        return (images.replace("x", "y", 1), "labels")
    return (images.replace("images", "labels"), "y")


def _labels_of(images: str, members: list[str]) -> str | None:
    return next((name for name in _label_names(images) if name in members), None)


def _row_shape(path: Path, name: str, header: _Header) -> tuple[tuple[int, int, int], bool]:
    """Shape of an image, and whether channels come first."""
    _, *row = header.shape if header.shape else (0,)
    if len(row) == 2:
        return (row[0], row[1], 1), False
    if len(row) == 3 and row[2] in (1, 3):
        return (row[0], row[1], row[2]), False
    if len(row) == 3 and row[0] in (1, 3):
        return (row[0], row[1], row[2]), True
    raise DataError(f"{path}: {name} has shape {header.shape}, which is not of grey or RGB images")


def _header(path: Path, archive: zipfile.ZipFile, name: str, *, kinds: str) -> _Header:
    """The header of a member, checked against the size that the archive states.

    Raises:
        DataError: if it holds objects, another kind of numbers, or claims another size.
    """
    info = archive.getinfo(f"{name}.npy")
    if info.flag_bits & 1:
        raise DataError(f"{path}: {name} is encrypted; save the archive without a password")
    with archive.open(info) as stream:
        try:
            version = np.lib.format.read_magic(stream)
            reader = {(1, 0): np.lib.format.read_array_header_1_0}.get(
                version, np.lib.format.read_array_header_2_0
            )
            shape, fortran, dtype = reader(stream)
        except (ValueError, SyntaxError, TokenError) as error:  # the header is Python's text
            raise DataError(f"{path}: {name} is not an array ({first_line(error)})") from error
        length = stream.tell()
    if dtype.hasobject:
        raise DataError(f"{path}: {name} holds pickled objects, which are never loaded")
    if dtype.kind not in kinds:
        wanted = {"buif": "numbers", "iufbU": "numbers or text", "U": "text"}[kinds]
        raise DataError(f"{path}: {name} holds {dtype}; {wanted} wanted")
    if fortran and len(shape) > 1:
        raise DataError(f"{path}: {name} is in Fortran order; save np.ascontiguousarray of it")
    if info.file_size != length + prod(shape) * dtype.itemsize:
        raise DataError(f"{path}: {name} has {info.file_size} bytes, not those of shape {shape}")
    return _Header(tuple(shape), dtype, length)


def _array(path: Path, archive: zipfile.ZipFile, name: str, *, kinds: str) -> np.ndarray[Any, Any]:
    """A whole member, of which no more is believed than there can be labels."""
    header = _header(path, archive, name, kinds=kinds)
    check_rows(prod(header.shape), prod(header.shape), f"{path} ({name})")
    if prod(header.shape) * header.dtype.itemsize > MAX_BYTES:
        raise DataError(f"{path}: {name} claims {header.shape} of {header.dtype}, too many to read")
    with archive.open(f"{name}.npy") as stream:
        stream.seek(header.length)
        data = stream.read(prod(header.shape) * header.dtype.itemsize)
    if header.dtype.kind == "U" and data:
        codes = np.frombuffer(data, f"{header.dtype.str[0]}u4")
        if codes.max() > sys.maxunicode:
            raise DataError(f"{path}: {name} holds text with a sign that is none of Unicode")
    return np.frombuffer(data, header.dtype).reshape(header.shape)


def _open(path: Path, name: str) -> IO[bytes]:
    """The member as a stream; the archive is closed with it."""
    return zipfile.ZipFile(path).open(f"{name}.npy")

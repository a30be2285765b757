"""Folders of image files: one for each class.

The class folders lie in the folder itself, or in its sub-folders train and validation or test.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raytd.errors import DataError
from raytd.tasks.readers.contract import Content, Indices, Raw, Split
from raytd.tasks.readers.encoded import SUFFIXES, decode_image
from raytd.tasks.readers.parts import in_order, part_folders, train_and_val


@dataclass(frozen=True)
class FileImages:
    """Images in files of their own.

    Attributes:
        paths: file of each row.
    """

    paths: tuple[Path, ...]

    def decode(self, rows: Indices) -> Iterator[Raw]:
        """The images of these rows, one at a time."""
        for row in rows:
            yield decode_image(self.paths[row], self.place(int(row)))

    def place(self, row: int) -> str:
        """The file."""
        return str(self.paths[row])


def is_there(path: Path) -> bool:
    """Whether there is such a folder."""
    return path.is_dir()


def read(path: Path) -> Content:
    """The file names of every class; classes are in the order of their names.

    Raises:
        DataError: if there are no class folders, or the parts have different ones.
    """
    try:
        folders = part_folders(path) or {"train": path}
        classes = {part: _classes(folder) for part, folder in folders.items()}
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    names = list(classes["train"])
    if not names:
        raise DataError(f"{path}: no folder of a class in it")
    for part, found in classes.items():
        other = next((name for name in found if name not in names), None)
        if other is not None:
            raise DataError(f"{folders[part] / other}: there is no class '{other}' for training")
    splits = {
        part: _split(part, names, {name: _files(folder) for name, folder in found.items()})
        for part, found in classes.items()
    }
    return Content(tuple(names), *train_and_val(splits))


def _classes(folder: Path) -> dict[str, Path]:
    inside = (p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    return {path.name: path for path in in_order(inside, folder)}


def _files(folder: Path) -> list[Path]:
    inside = (p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    return in_order((p for p in inside if not p.name.startswith(".")), folder)


def _split(part: str, names: list[str], files: dict[str, list[Path]]) -> Split:
    counts = [len(files.get(name, ())) for name in names]
    labels = np.repeat(np.arange(len(names), dtype=np.int64), counts)
    paths = tuple(path for name in names for path in files.get(name, ()))
    return Split(labels, FileImages(paths), part, len(paths))

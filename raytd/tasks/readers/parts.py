"""Which part of a data set a file or folder holds, by its name."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval"),
}
_PART = {name: part for part, names in _NAMES.items() for name in names}


def part_of(path: Path) -> str | None:
    """The part that a file's name begins with or its folder is called after; None if neither."""
    words = (re.split(r"[-_. ]", path.name)[0], path.parent.name)
    return next((_PART[w.lower()] for w in words if w.lower() in _PART), None)


def part_folders(folder: Path) -> dict[str, Path]:
    """The sub-folders train, validation and test, if nothing else lies beside them.

    A class may be called `train` too; beside other classes it is one.
    """
    names = {path.name: path for path in sorted(folder.iterdir()) if _is_visible_folder(path)}
    parts = {_PART[name.lower()]: path for name, path in names.items() if name.lower() in _PART}
    return parts if len(parts) == len(names) and "train" in parts else {}


def _is_visible_folder(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith((".", "_"))


def train_and_val(parts: Mapping[str, T]) -> tuple[T, T | None]:
    """The part to train on, and the one to validate on: `validation` if there is, else `test`."""
    return parts["train"], parts.get("validation", parts.get("test"))


def in_order(paths: Iterable[Path], folder: Path) -> list[Path]:
    """Paths by their names below `folder`, in an order that no file system and locale changes."""
    return sorted(paths, key=lambda path: path.relative_to(folder).as_posix())

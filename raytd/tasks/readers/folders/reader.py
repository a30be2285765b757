"""Folders of image files: one for each class.

The class folders lie in the folder itself, or in its sub-folders train and validation or test.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from raytd.errors import DataError, os_reason
from raytd.tasks.readers.contract import Content, Indices, Raw, Split
from raytd.tasks.readers.encoded import decode_image, is_image_name
from raytd.tasks.readers.folders.layout import merged_note, part_folders, require_one_reading
from raytd.tasks.readers.left_out import OUTSIDE, TWICE, shown
from raytd.tasks.readers.parts import in_order, train_and_val, unused
from raytd.tasks.readers.walk import Walk
from raytd.words import counted, listed

Classes = dict[str, list[Path]]
"""The image files of each class."""


@dataclass(frozen=True)
class FileImages:
    """Images in files of their own.

    Attributes:
        paths: file of each row.
    """

    paths: tuple[Path, ...]

    def decode(self, rows: Indices) -> Iterator[Raw]:
        """The images of these rows, one at a time.

        Raises:
            DataError: if a file is empty or closed; it names all such files of the part.
        """
        if any(_fault(self.paths[row]) for row in rows):
            wrong = [f"{path} ({why})" for path in self.paths if (why := _fault(path))]
            raise DataError(
                f"{listed(wrong)}: {counted(len(wrong), 'image file')} cannot be read; mend or "
                "remove what is empty or closed"
            )
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
        DataError: if there are no class folders, the parts have different ones, or folders can be
            read in two ways.
    """
    walk = Walk(path)
    folders, notes = part_folders(walk)
    chosen = {"train": path}
    if folders:
        train, val = train_and_val(folders)
        chosen = {part: f for part, f in folders.items() if f in (train, val)}
        _leave(walk, walk.level(path)[0])
    classes = {part: _class_folders(walk, folder) for part, folder in chosen.items()}
    names = list(classes["train"])
    walk.require_open()
    _require_classes(walk, chosen["train"], classes["train"])
    files = {
        part: {name: _files(walk, folder) for name, folder in found.items()}
        for part, found in classes.items()
    }
    walk.require_open()
    require_one_reading(walk, chosen["train"], files["train"], is_part=bool(folders))
    _require_known(walk, chosen, files)
    if walk.linked:
        files = _without_repeats(walk, files)
    for part, found in files.items():
        notes += merged_note(classes[part], found)
    splits = {part: _split(part if folders else "", names, files[part]) for part in chosen}
    notes += [*unused(folders), *walk.left.notes()]
    for_train, for_val = train_and_val(splits)
    return Content(
        tuple(names), for_train, for_val, tuple(dict.fromkeys(notes)), class_folders=True
    )


def _class_folders(walk: Walk, folder: Path) -> dict[str, Path]:
    files, folders = walk.level(folder)
    _leave(walk, files)
    return {path.name: path for path in in_order(folders, folder)}


def _leave(walk: Walk, files: list[Path]) -> None:
    """Counts files that lie in no class folder."""
    for path in files:
        if is_image_name(path.name):
            walk.left.add(OUTSIDE, path)
        else:
            walk.left.add_ending(path)


def _require_classes(walk: Walk, folder: Path, classes: dict[str, Path]) -> None:
    """Refuses a training part without class folders, and names that cannot be written."""
    if not classes:
        raise DataError(f"{folder}: no folder of a class in it")
    unspeakable = [shown(path, walk.root) for path in classes.values() if not _is_text(path.name)]
    if unspeakable:
        raise DataError(f"{walk.root}: {listed(unspeakable, 5)}: the folder's name is not UTF-8")


def _require_known(walk: Walk, folders: dict[str, Path], parts: dict[str, Classes]) -> None:
    """Refuses classes that are not there for training."""
    for part, found in parts.items():
        other = [name for name in found if name not in parts["train"]]
        if other:
            require_one_reading(walk, folders[part], found, is_part=True)
            first = folders[part] / other[0]
            more = f" (nor for {listed(other[1:], 5)})" if len(other) > 1 else ""
            raise DataError(
                f"{first}: there is no class '{other[0]}' for training{more}; remove it, or write "
                f"folder:{folders['train']} to hold validation images back from training"
            )


def _without_repeats(walk: Walk, parts: dict[str, Classes]) -> dict[str, Classes]:
    """The files without those that are the same file as an earlier one of their class.

    Raises:
        DataError: if one file is in two classes, or in two parts.
    """
    real = _real_path()
    owners: dict[str, tuple[str, str, Path]] = {}
    kept: dict[str, Classes] = {
        part: {name: [] for name in classes} for part, classes in parts.items()
    }
    torn: list[tuple[Path, Path]] = []
    for part, classes in parts.items():
        for name, paths in classes.items():
            for path in sorted(paths, key=lambda p: p.is_symlink()):
                owner = owners.setdefault(real(path), (part, name, path))
                if owner[:2] != (part, name):
                    torn.append((owner[2], path))
                elif owner[2] is path:
                    kept[part][name].append(path)
                else:
                    walk.left.add(TWICE, path)
            order = {path: i for i, path in enumerate(paths)}
            kept[part][name].sort(key=order.__getitem__)
    if torn:
        one, other = (shown(path, walk.root) for path in torn[0])
        raise DataError(
            f"{walk.root}: {one} and {other} are one file through a link, in two classes or two "
            f"parts ({counted(len(torn), 'such file')}); remove the link that is not meant"
        )
    return kept


def _real_path() -> Callable[[Path], str]:
    """Finds where a path leads; asks once for each folder."""
    folder = cache(os.path.realpath)

    def real(path: Path) -> str:
        return os.path.realpath(path) if path.is_symlink() else f"{folder(path.parent)}/{path.name}"

    return real


def _files(walk: Walk, folder: Path) -> list[Path]:
    found = []
    for path in walk.below(folder):
        if is_image_name(path.name):
            found.append(path)
        else:
            walk.left.add_ending(path)
    return in_order(found, folder)


def _split(part: str, names: list[str], files: Classes) -> Split:
    counts = [len(files.get(name, ())) for name in names]
    labels = np.repeat(np.arange(len(names), dtype=np.int64), counts)
    paths = tuple(path for name in names for path in files.get(name, ()))
    return Split(labels, FileImages(paths), part, len(paths))


def _fault(path: Path) -> str | None:
    """Why a file cannot hold an image, without opening it."""
    try:
        empty = path.stat().st_size == 0
    except OSError as error:
        return os_reason(error)
    if empty:
        return "empty"
    return None if os.access(path, os.R_OK) else "permission denied"


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True

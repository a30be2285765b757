"""One file that links make appear under several paths counts once."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

from raytd.errors import DataError
from raytd.tasks.readers.left_out import TWICE, shown
from raytd.tasks.readers.walk import Walk
from raytd.words import counted

Parts = dict[str, dict[str, list[Path]]]
"""The image files of each class of each part."""


def without_repeats(walk: Walk, parts: Parts) -> Parts:
    """The files without those that are the same file as an earlier one of their class.

    Raises:
        DataError: if one file is in two classes, or in two parts.
    """
    real = _real_path()
    owners: dict[str, tuple[str, str, Path]] = {}
    kept: Parts = {part: {name: [] for name in classes} for part, classes in parts.items()}
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

"""CIFAR-10 and CIFAR-100 in the folders that torchvision uses, through torchvision's classes."""

import contextlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from raytd.errors import DataError, first_line
from raytd.tasks.readers.arrays import ArrayImages
from raytd.tasks.readers.contract import Content, Split

FOLDERS = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python"}


def is_there(path: Path) -> bool:
    """Whether there is such a folder."""
    return path.is_dir()


def read(path: Path) -> Content:
    """Both parts; torchvision compares the files with their checksums before it opens them."""
    kind = _torchvision_class(path.name)
    try:
        train, val = (kind(str(path.parent), train=part, download=False) for part in (True, False))
    except (RuntimeError, OSError) as error:
        raise DataError(
            f"{path}: a file is missing or damaged (its checksum is not the published one); "
            "remove the folder and let it be downloaded again, or put torchvision's files there"
        ) from error
    return Content(tuple(train.classes), _split(train, path, "train"), _split(val, path, "test"))


def download(name: str, root: Path) -> None:
    """Fetches a data set into `root`, as torchvision does.

    Raises:
        DataError: with the reason in one line.
    """
    kind = _torchvision_class(FOLDERS[name])
    try:
        with contextlib.redirect_stdout(sys.stderr):
            kind(str(root), train=True, download=True)
    except (RuntimeError, OSError) as error:
        raise DataError(
            f"{name}: not under {root / FOLDERS[name]} and the download failed "
            f"({first_line(error)}). Put torchvision's folder there, or choose another data set."
        ) from error


def _torchvision_class(folder: str) -> Any:
    from torchvision import datasets

    return {"cifar-10-batches-py": datasets.CIFAR10, "cifar-100-python": datasets.CIFAR100}[folder]


def _split(part: Any, path: Path, name: str) -> Split:
    labels = np.asarray(part.targets, np.int64)
    return Split(labels, ArrayImages(f"{path} ({name})", part.data), name)

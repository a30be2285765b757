"""Data sets as they come: images, labels and class names, read from where they lie."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8

from raytd.errors import DataError


@dataclass(frozen=True)
class Part:
    """Labelled images as they come from a reader."""

    images: UInt8[np.ndarray, "n channels height width"]
    labels: Int64[np.ndarray, " n"]


@dataclass(frozen=True)
class Dataset:
    """A data set before any task is cut from it.

    Attributes:
        name: of the data set.
        class_names: name of class c at index c.
        train: images from which tasks take training images.
        val: images for validation, or None if tasks hold some of `train` back.
    """

    name: str
    class_names: tuple[str, ...]
    train: Part
    val: Part | None


def data_root(path: str | Path | None = None) -> Path:
    """The folder of the data sets: `path`, else RAYTD_DATA, else the user's cache folder."""
    chosen = path or os.environ.get("RAYTD_DATA")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser().absolute() / "raytd"


def _read_digits(root: Path) -> Dataset:
    """The 1,797 handwritten digits of scikit-learn, 8×8 and grey; sixteen levels become 0…240."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.minimum(bunch.images * 15, 255).astype(np.uint8)[:, None]
    labels = bunch.target.astype(np.int64)
    return Dataset("digits", tuple(str(c) for c in range(10)), Part(images, labels), None)


def _read_cifar(root: Path, name: str) -> Dataset:
    """CIFAR-10 or CIFAR-100 from the folder that torchvision uses."""
    from torchvision import datasets

    kind = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[name]
    try:
        train, val = (kind(str(root), train=part, download=False) for part in (True, False))
    except (RuntimeError, OSError) as error:
        raise DataError(
            f"{name}: not under {root / kind.base_folder}. Put torchvision's folder there, "
            "name another root with --data or RAYTD_DATA, or choose another data set."
        ) from error
    parts = [
        Part(np.ascontiguousarray(p.data.transpose(0, 3, 1, 2)), np.asarray(p.targets, np.int64))
        for p in (train, val)
    ]
    return Dataset(name, tuple(train.classes), parts[0], parts[1])


_READERS: dict[str, Callable[[Path], Dataset]] = {
    "digits": _read_digits,
    "cifar10": lambda root: _read_cifar(root, "cifar10"),
    "cifar100": lambda root: _read_cifar(root, "cifar100"),
}


def names() -> list[str]:
    """Data sets that can be read."""
    return list(_READERS)


def read(name: str, root: Path) -> Dataset:
    """Reads a data set.

    Raises:
        DataError: if it is unknown or not under `root`.
    """
    if name not in _READERS:
        raise DataError(f"dataset '{name}' is unknown; there are {', '.join(_READERS)}")
    return _READERS[name](root)

"""What a task's `dataset` may say, and where that lies.

`digits`, `fashion-mnist`, `cifar10` and `cifar100` are looked for under the data root;
`kind:PATH` names files by their kind. A path that begins with `/` or `~` is taken as it is, one
that begins with `./` or `../` from the working directory, any other from the data root.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from raytd.errors import DataError
from raytd.paths import cache_folder, expanded
from raytd.tasks.readers import cifar, digits, idx, npz
from raytd.tasks.readers.contract import Content, Reader
from raytd.tasks.readers.folders import reader as folder
from raytd.tasks.readers.parquet import reader as parquet

_READERS: dict[str, Reader] = {
    "digits": digits,
    "cifar": cifar,
    "idx": idx,
    "parquet": parquet,
    "folder": folder,
    "npz": npz,
}

KINDS = ("idx", "parquet", "folder", "npz")
"""Kinds of files that are named with their path."""

_PLACES: dict[str, tuple[tuple[str, str], ...]] = {
    "digits": (("digits", "."),),
    "fashion-mnist": (
        ("idx", "fashion-mnist"),
        ("idx", "FashionMNIST/raw"),
        ("parquet", "fashion-mnist"),
        ("idx", "/usr/share/datasets/fashion-mnist"),
    ),
    "cifar10": (("cifar", cifar.FOLDERS["cifar10"]), ("parquet", "cifar10")),
    "cifar100": (("cifar", cifar.FOLDERS["cifar100"]), ("parquet", "cifar100")),
}
"""Kind and place of each known data set; the first one that is there is read. The last place of
Fashion-MNIST is that of Debian's package `dataset-fashion-mnist`."""


class Found(NamedTuple):
    """Files that are there, and the reader for them."""

    reader: Reader
    path: Path


def data_root(path: str | Path | None = None) -> Path:
    """The folder of the data sets: `path`, else RAYTD_DATA, else the user's cache folder.

    Raises:
        PathError: in one line, if it lies in a home folder that is not known.
    """
    chosen = path or os.environ.get("RAYTD_DATA")
    return expanded(chosen).absolute() if chosen else cache_folder()


def names() -> list[str]:
    """Everything that a reference can be, for messages."""
    return [*_PLACES, *(f"{kind}:PATH" for kind in KINDS)]


def is_reference(text: str) -> bool:
    """Whether a text has the form of a reference to a data set."""
    kind, _, path = text.partition(":")
    return text in _PLACES or (kind in KINDS and bool(path))


def identity_of(reference: str) -> str:
    """What the classes of a data set belong to, unless the task says otherwise.

    The name of a known data set, else the last part of the path without its ending, so that it is
    the same wherever the folder lies.

    Raises:
        PathError: in one line, if the path lies in a home folder that is not known.
    """
    kind, colon, path = reference.partition(":")
    if not colon:
        return kind
    last = expanded(path).absolute()
    return last.stem if last.suffix in (".npz", ".parquet") else last.name


def find(reference: str, root: Path) -> Found | None:
    """Where a data set lies; None if it is not there."""
    return next((f for f in _candidates(reference, root) if f.reader.is_there(f.path)), None)


def place_of(reference: str, root: Path) -> str | None:
    """Where a data set lies, in words; None if it is not there."""
    found = find(reference, root)
    if found is None:
        return None
    return "in scikit-learn" if found.reader is digits else str(found.path)


def read_content(reference: str, root: Path, *, download: bool = False) -> Content:
    """Labels and class names of a data set; no image is decoded yet.

    Args:
        reference: as a task gives it.
        root: folder of the data sets.
        download: whether what is missing may be fetched, for the data sets of torchvision.

    Raises:
        DataError: if it is unknown, not there, or not what it should be.
    """
    if not is_reference(reference):
        raise DataError(f"dataset '{reference}' is unknown; there are {', '.join(names())}")
    found = find(reference, root)
    if found is None and download and reference in cifar.FOLDERS:
        cifar.download(reference, root)
        found = find(reference, root)
    if found is None:
        # What lies at a path but is not complete: its reader says what is missing.
        found = next((f for f in _candidates(reference, root) if f.path.exists()), None)
        if found is None or ":" not in reference:
            raise DataError(_missing(reference, root))
    if found.path.exists() and not (found.path.is_file() or found.path.is_dir()):
        raise DataError(f"{found.path}: neither a file nor a folder")
    return found.reader.read(found.path)


def _candidates(reference: str, root: Path) -> Iterator[Found]:
    kind, colon, path = reference.partition(":")
    if colon:
        yield Found(_READERS[kind], _resolve(path, root))
    for reader, place in _PLACES.get(reference, ()):
        yield Found(_READERS[reader], root / place)


def _resolve(path: str, root: Path) -> Path:
    start = Path.cwd() if path.split("/")[0] in (".", "..") else root
    return Path(os.path.normpath(start / expanded(path)))


def _missing(reference: str, root: Path) -> str:
    kind, colon, path = reference.partition(":")
    if colon:
        here = f"; for a path from the working directory write {kind}:./{path}"
        hint = here if Path(path).exists() and not path.startswith((".", "/", "~")) else ""
        return f"{reference}: not at {_resolve(path, root)}{hint}"
    first, *more = (str(root / place) for _, place in _PLACES[reference])
    fetch = "allow the download with --download, " if reference in cifar.FOLDERS else ""
    return (
        f"{reference}: not under {first} (nor {', '.join(more)}). Put its files there, {fetch}"
        "name another root with --data or RAYTD_DATA, or choose another data set."
    )

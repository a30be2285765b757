"""What every reader gives: labels at once, images when they are asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import Int64, Shaped

from raytd.errors import DataError

Indices = Int64[np.ndarray, " n"]
Raw = Shaped[np.ndarray, "channels height width"]
"""An image as it lies: grey (one channel), or red, green and blue. Where pixels are transparent, an
alpha channel from 0 to 255 comes last. Values are bytes, or numbers on a scale of their own."""

MAX_ROWS = 20_000_000
"""Above every data set of images there is; a header that claims more is not believed."""


MAX_BYTES = 2**29
"""Bytes of one image, or of all labels: a header that claims more is not believed."""


class Images(Protocol):
    """The images of one part of a data set."""

    def decode(self, rows: Indices) -> Iterator[Raw]:
        """The images of these rows, which are in ascending order, one at a time.

        Raises:
            DataError: if one cannot be read; the message names file and row.
        """

    def place(self, row: int) -> str:
        """Where a row lies, in words: the file, and the row in it counted from 0."""


@dataclass(frozen=True)
class Split:
    """A part of a data set of which no image has been decoded.

    Attributes:
        labels: number of the class of every row.
        images: of the rows.
        part: what the files call it: train, validation or test; empty where they say nothing.
        files: how many hold its images; None where that is not counted.
    """

    labels: Indices
    images: Images
    part: str = ""
    files: int | None = None


@dataclass(frozen=True)
class Content:
    """What a reader found.

    Attributes:
        class_names: name of class c at index c, or None where the files only number them.
        train: rows from which tasks take training images.
        val: rows for validation, or None if tasks hold some of `train` back.
        notes: what was left out, merged or assumed, one sentence each, with counts.
        class_folders: whether each class is a folder, so that one without images is a fault.
    """

    class_names: tuple[str, ...] | None
    train: Split
    val: Split | None
    notes: tuple[str, ...] = ()
    class_folders: bool = False


class Reader(Protocol):
    """A module that reads one kind of files."""

    def is_there(self, path: Path) -> bool:
        """Whether files of this kind lie at `path`; looks at names only."""

    def read(self, path: Path) -> Content:
        """Reads labels and class names.

        Raises:
            DataError: if the files are not what they should be.
        """


def check_rows(n_images: int, n_labels: int, where: str) -> None:
    """Refuses images without labels, the reverse, and counts that cannot be meant.

    Raises:
        DataError: in one line.
    """
    if n_images != n_labels:
        raise DataError(f"{where}: {n_images} images, but {n_labels} labels")
    if n_images > MAX_ROWS:
        raise DataError(f"{where}: {n_images} images; at most {MAX_ROWS} are read")

"""The constants that a data set's pixels are normalised by.

They belong to the data set, not to the task: an image is the same input in every task that has it.
A known data set in its own form has the exact constants of all its training images, so that they
are the same for every reader and for a part of the files. Anything else has those of a fixed sample
of its training images, drawn by the data set's name and size alone, in the form that the task asks
for; a data set of at most `SAMPLE` images is its own sample.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from raytd.tasks.pixels.form import Form
from raytd.tasks.pixels.levels import BYTES, Levelled
from raytd.tasks.readers.contract import Split
from raytd.tasks.shuffle import shuffled

SAMPLE = 2000

Constants = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of each channel, of pixels in [0, 1]."""


class Moments(NamedTuple):
    """Number of pixels, and for each channel their sum and their sum of squares, in levels."""

    n: int
    sums: tuple[int, ...]
    squares: tuple[int, ...]

    def constants(self) -> Constants:
        """Mean and standard deviation, which is kept from zero."""
        mean = tuple(s / self.n / 255 for s in self.sums)
        of_squares = (s / self.n / 255**2 for s in self.squares)
        variance = (s - m * m for s, m in zip(of_squares, mean, strict=True))
        return mean, tuple(max(v, 1e-12) ** 0.5 for v in variance)


_KNOWN: dict[tuple[str, tuple[int, int, int]], Moments] = {
    ("fashion-mnist", (1, 28, 28)): Moments(47_040_000, (3431114169,), (631470052347,)),
    ("cifar10", (3, 32, 32)): Moments(
        51_200_000,
        (6415714204, 6295060180, 5829907619),
        (1007102432534, 971356520230, 891641299129),
    ),
    ("cifar100", (3, 32, 32)): Moments(
        51_200_000,
        (6620373279, 6352382090, 5756623363),
        (1093977562105, 1007075543166, 901128318593),
    ),
}
"""Exact moments of the training images of data sets in their own form."""


def normalisation(name: str, split: Split, form: Form) -> Constants:
    """The constants of a data set.

    Args:
        name: identity of the data set.
        split: its training images.
        form: of the images.

    Raises:
        DataError: if an image of the sample cannot be read.
    """
    known = _KNOWN.get((name, form.shape))
    if known is not None and form.levels == BYTES:
        return known.constants()
    order = shuffled(np.arange(len(split.labels)), f"{name}/normalisation")
    rows = np.sort(order[:SAMPLE])
    return moments(form.stream(split, rows), form.shape[0]).constants()


def moments(images: Iterable[Levelled], n_channels: int) -> Moments:
    """Sums over the pixels of images, in exact integers by way of their histogram."""
    counts = np.zeros((n_channels, 256), np.int64)
    for image in images:
        for c, channel in enumerate(image):
            counts[c] += np.bincount(channel.ravel(), minlength=256)
    levels = np.arange(256, dtype=np.int64)
    sums, squares = (tuple(int(s) for s in counts @ power) for power in (levels, levels**2))
    return Moments(int(counts[0].sum()), sums, squares)

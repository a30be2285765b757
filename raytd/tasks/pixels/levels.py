"""How the values of pixels become the levels 0 to 255, in one way for a whole data set.

Bytes are levels. Other whole numbers and fractions need a range: the values that become black and
white. It is stated, or found once in all training images: a range of each image's own would take
its brightness away. A stated range is a window: values below it are black, and those above white.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import UInt8

from raytd.errors import DataError
from raytd.tasks.readers.contract import Raw, Split

Range = tuple[float, float]
"""Values that become level 0 and level 255."""

Levelled = UInt8[np.ndarray, "channels height width"]
"""An image in levels from 0 to 255."""

_BYTES, _WHOLE = "8-bit numbers", "whole numbers of more than 8 bits"
_FRACTIONS, _TRUTH = "fractions", "truth values"
_DEPTHS = (8, 10, 12, 14, 16)
"""Bits of the numbers that cameras and scanners store in 16 bits."""

_ROUNDING = 1e-4
"""Of the range: how far beyond its ends rounding takes fractions. A level is 40 times as wide."""

OUTSIDE = "outside of the range"
"""What `Levels.of` counts: images with values outside of a stated range. The first of them is
counted once more, at these words and its place."""


@dataclass(frozen=True)
class Levels:
    """A scale from values to levels.

    Attributes:
        low: the value of level 0.
        high: the value of level 255.
        kind: the kind of numbers that all images must hold; None where the range was stated.
        note: how the range was found, in one sentence; empty where there is nothing to say.
    """

    low: float
    high: float
    kind: str | None
    note: str = field(default="", compare=False)

    def of(
        self, image: Raw, place: Callable[[], str], count: Counter[str] | None = None
    ) -> Levelled:
        """The levels of an image; of an alpha channel, which is 0 to 255 already, they stay.

        A whole number v becomes the integral part of 256 (v - low) / n, of the n = high - low + 1
        numbers in the range; where n is below 256, and for fractions, 255 (v - low) / (high - low)
        is rounded.

        Args:
            image: its values.
            place: where it lies.
            count: is increased at `OUTSIDE` by an image that a stated range cuts.

        Raises:
            DataError: if a value is not finite, is outside of a range that was not stated, or is
                of another kind than those of the first image.
        """
        kind = _kind(image)
        if self.kind not in (None, kind):
            raise DataError(
                f"{place()}: its pixels are {kind}, but those of the first image are {self.kind}; "
                "convert one of them, or state the range of all: range: [low, high]"
            )
        if kind == _TRUTH:
            image = image.astype(np.uint8)
        if kind == _BYTES and (self.low, self.high) == (0, 255):
            return image
        n_colours = len(image) - (len(image) in (2, 4))
        values, alpha = image[:n_colours], image[n_colours:]
        if self._is_cut(values, place) and count is not None:
            count[OUTSIDE] += 1
            if count[OUTSIDE] == 1:
                count[f"{OUTSIDE} {place()}"] += 1
        return np.concatenate([self._scaled(values), alpha.astype(np.uint8)])

    def between(self, lowest: int, highest: int) -> Range:
        """The values of levels: of whole numbers all that fall into them."""
        if self.kind == _WHOLE:
            width = (self.high - self.low + 1) / 256
            return self.low + lowest * width, self.low + (highest + 1) * width - 1
        width = (self.high - self.low) / 255
        return self.low + lowest * width, self.low + highest * width

    def _is_cut(self, values: np.ndarray[Any, Any], place: Callable[[], str]) -> bool:
        """Whether values lie outside of the range, by more than rounding explains."""
        lowest, highest = values.min(), values.max()
        if not (np.isfinite(lowest) and np.isfinite(highest)):
            raise DataError(f"{place()}: it has pixels that are not finite (NaN or infinite)")
        slack = _ROUNDING * (self.high - self.low) if values.dtype.kind == "f" else 0
        is_cut = bool(lowest < self.low - slack or highest > self.high + slack)
        if is_cut and self.kind is not None:
            raise DataError(
                f"{place()}: its pixels go from {lowest:.7g} to {highest:.7g}, outside of the "
                f"range [{self.low:.7g}, {self.high:.7g}]; state the range of all images: "
                "range: [low, high]"
            )
        return is_cut

    def _scaled(self, values: np.ndarray[Any, Any]) -> Levelled:
        if values.dtype.kind == "f":
            inside = values.astype(np.float64).clip(self.low, self.high)
            fractions = (inside - self.low) * (255 / (self.high - self.low))
            return np.rint(fractions).astype(np.uint8)
        low, high = (int(v) if float(v).is_integer() else v for v in (self.low, self.high))
        if values.dtype.itemsize == 8 and values.dtype.kind == "u":
            values = np.minimum(values, np.uint64(2**63 - 1))  # the largest of the signed ones
        above, n = values.astype(np.int64).clip(low, high) - low, high - low + 1
        spread: Levelled = np.rint(above * (255 / (high - low))).astype(np.uint8)
        bins: Levelled = (above * 256 // n).astype(np.uint8)
        return spread if n < 256 else bins


BYTES = Levels(0, 255, _BYTES)


def stated(low: float, high: float) -> Levels:
    """The scale of a range that is stated, for numbers of any kind."""
    return Levels(low, high, None)


def found(split: Split) -> Levels:
    """The scale of a data set whose range is not stated.

    Raises:
        DataError: if an image cannot be read, or its numbers could mean several things.
    """
    first = next(split.images.decode(np.zeros(1, np.int64)))
    require_pixels(first, partial(split.images.place, 0))
    kind = _kind(first)
    if kind == _BYTES:
        return BYTES
    if kind == _TRUTH:
        return Levels(0, 1, kind)
    if kind == _FRACTIONS:
        return Levels(0, 1, kind, "The pixels are fractions: 0 is black and 1 is white.")
    return _found_depth(split)


def require_pixels(image: Raw, place: Callable[[], str]) -> None:
    """Refuses an image of no pixels.

    Raises:
        DataError: in one line.
    """
    if not image.size:
        _, height, width = image.shape
        raise DataError(f"{place()}: an image of {height}×{width} pixels")


def _found_depth(split: Split) -> Levels:
    """The scale of whole numbers: that of the bits which the largest training pixel needs."""
    (lowest, row_of_lowest), (highest, row) = _extremes(split)
    if lowest < 0 or highest >= 2 ** _DEPTHS[-1]:
        where = split.images.place(row_of_lowest if lowest < 0 else row)
        raise DataError(
            f"{where}: the training images hold whole numbers from {lowest} to {highest}; "
            "state the values that become black and white: range: [low, high]"
        )
    bits = next(bits for bits in _DEPTHS if highest < 2**bits)
    reduced = ", reduced to 256 levels" if bits > _DEPTHS[0] else ""
    note = (
        f"The images store more than 8 bits a channel. Their largest training pixel is {highest}, "
        f"so they are read as {bits}-bit numbers{reduced}; range: [low, high] states another scale."
    )
    return Levels(0, 2**bits - 1, _WHOLE, note)


def _extremes(split: Split) -> tuple[tuple[int, int], tuple[int, int]]:
    """Least and greatest pixel of all images, each with its row."""
    lowest, highest = (2**63, 0), (-(2**63) - 1, 0)
    rows = np.arange(len(split.labels))
    for row, image in enumerate(split.images.decode(rows)):
        require_pixels(image, partial(split.images.place, row))
        if _kind(image) != _WHOLE:
            raise DataError(
                f"{split.images.place(row)}: its pixels are {_kind(image)}, but those of the first "
                f"image are {_WHOLE}; convert one of them, or state the range of all: "
                "range: [low, high]"
            )
        values = image[: len(image) - (len(image) in (2, 4))]
        lowest = min(lowest, (int(values.min()), row))
        highest = max(highest, (int(values.max()), row), key=lambda found: found[0])
    return lowest, highest


def _kind(image: Raw) -> str:
    if image.dtype == np.uint8:
        return _BYTES
    return {"b": _TRUTH, "f": _FRACTIONS}.get(image.dtype.kind, _WHOLE)

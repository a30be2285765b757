"""The one form that all images of a task have: channels, height and width."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import UInt8

from raytd.errors import DataError
from raytd.tasks.readers.contract import Indices, Raw, Split

Size = tuple[int, int]
"""Height and width in pixels."""


@dataclass(frozen=True)
class Form:
    """What images are made to be.

    Attributes:
        shape: channels, height and width.
        may_resize: whether images of another size are resized, or refused.
        may_grey: whether colour images become grey, or are refused.
    """

    shape: tuple[int, int, int]
    may_resize: bool
    may_grey: bool

    def read(self, split: Split, rows: Indices) -> UInt8[np.ndarray, "n channels height width"]:
        """Decodes rows, in the order given, in one pass over the files.

        Raises:
            DataError: if an image cannot be read, or does not have this form.
        """
        images = np.empty((len(rows), *self.shape), np.uint8)
        order = np.argsort(rows, kind="stable")
        for position, image in zip(order, self.stream(split, rows[order]), strict=True):
            images[position] = image
        return images

    def stream(self, split: Split, rows: Indices) -> Iterator[Raw]:
        """Decodes rows, which are in ascending order, one at a time.

        Raises:
            DataError: if an image cannot be read, or does not have this form.
        """
        for row, image in zip(rows, split.images.decode(rows), strict=True):
            yield self._applied(image, partial(split.images.place, int(row)))

    def _applied(self, image: Raw, place: Callable[[], str]) -> Raw:
        """An image in this form."""
        if image.shape == self.shape:
            return image
        if image.shape[1:] != self.shape[1:] and not self.may_resize:
            raise DataError(
                f"{place()}: {image.shape[1]}×{image.shape[2]} pixels, but the first image has "
                f"{self.shape[1]}×{self.shape[2]}; state the size that all shall have"
            )
        if len(image) > self.shape[0] and not self.may_grey:
            raise DataError(
                f"{place()}: in colour, but the first image is grey; state channels: 1 or 3"
            )
        return _converted(image, self.shape)


def in_words(shape: tuple[int, int, int]) -> str:
    """Height, width and kind of images of a shape, for people."""
    channels, height, width = shape
    return f"{height}×{width}, {'grey' if channels == 1 else 'colour'}"


def form_of(split: Split, size: Size | None, channels: int | None) -> Form:
    """The form asked for; what is not asked for is as in the first image.

    Raises:
        DataError: if that cannot be read.
    """
    own = (0, 0, 0)
    if size is None or channels is None:
        own = next(split.images.decode(np.zeros(1, np.int64))).shape
    shape = (channels or own[0], *(size or own[1:]))
    return Form(shape, may_resize=size is not None, may_grey=channels is not None)


def _converted(image: Raw, shape: tuple[int, int, int]) -> Raw:
    """An image in another form.

    Grey is ITU-R 601 luma. The filter is Pillow's bilinear one, whose support grows with the
    reduction, so that every pixel counts. Height and width are stretched independently.
    """
    from PIL import Image

    channels, height, width = shape
    picture = Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))
    picture = picture.convert("L" if channels == 1 else "RGB")
    picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)

"""The one form that all images of a task have: channels, height and width, in 256 levels."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import UInt8

from raytd.errors import DataError
from raytd.tasks.pixels.levels import BYTES, Levelled, Levels, require_pixels
from raytd.tasks.readers.contract import Indices, Split

Size = tuple[int, int]
"""Height and width in pixels."""

Colour = tuple[int, int, int]
"""Red, green and blue, each from 0 to 255."""

WHITE: Colour = (255, 255, 255)

TRANSPARENT = "transparent"
"""What `Form.read` counts: images with transparent pixels."""

INVISIBLE = "invisible"
"""What it counts, too: images of which all pixels are wholly transparent."""


@dataclass(frozen=True)
class Form:
    """What images are made to be.

    Attributes:
        shape: channels, height and width.
        may_resize: whether images of another size are resized, or refused.
        may_grey: whether colour images become grey, or are refused.
        levels: how values become levels.
        background: what transparent pixels show.
    """

    shape: tuple[int, int, int]
    may_resize: bool
    may_grey: bool
    levels: Levels = BYTES
    background: Colour = WHITE

    def read(
        self, split: Split, rows: Indices, count: Counter[str] | None = None
    ) -> UInt8[np.ndarray, "n channels height width"]:
        """Decodes rows, in the order given, in one pass over the files.

        Args:
            split: whose rows they are.
            rows: numbers of images.
            count: is increased at `TRANSPARENT` by the images that have transparent pixels, at
                `INVISIBLE` by those that have no others, and at `OUTSIDE` by those that a stated
                range cuts.

        Raises:
            DataError: if an image cannot be read, or does not have this form.
        """
        images = np.empty((len(rows), *self.shape), np.uint8)
        order = np.argsort(rows, kind="stable")
        for position, image in zip(order, self.stream(split, rows[order], count), strict=True):
            images[position] = image
        return images

    def stream(
        self, split: Split, rows: Indices, count: Counter[str] | None = None
    ) -> Iterator[Levelled]:
        """Decodes rows, which are in ascending order, one at a time; else as `read`.

        Raises:
            DataError: if an image cannot be read, or does not have this form.
        """
        for row, image in zip(rows, split.images.decode(rows), strict=True):
            place = partial(split.images.place, int(row))
            require_pixels(image, place)
            levels = self.levels.of(image, place, count)
            if len(levels) in (2, 4):
                if count is not None:
                    count[TRANSPARENT] += bool(levels[-1].min() < 255)
                    count[INVISIBLE] += bool(levels[-1].max() == 0)
                levels = _laid_on(self.background, levels, is_grey=self.shape[0] == 1)
            yield self._applied(levels, place)

    def _applied(self, image: Levelled, place: Callable[[], str]) -> Levelled:
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


def form_of(  # noqa: PLR0913 - what a task may ask for, all but the first two by keyword
    split: Split,
    size: Size | None,
    channels: int | None,
    *,
    levels: Levels = BYTES,
    background: Colour = WHITE,
) -> Form:
    """The form asked for; what is not asked for is as in the first image.

    Raises:
        DataError: if that cannot be read.
    """
    own = (0, 0, 0)
    if size is None or channels is None:
        first = next(split.images.decode(np.zeros(1, np.int64)))
        require_pixels(first, partial(split.images.place, 0))
        own = (1 if len(first) < 3 else 3, *first.shape[1:])
    shape = (channels or own[0], *(size or own[1:]))
    may_resize, may_grey = size is not None, channels is not None
    return Form(shape, may_resize, may_grey, levels, background)


def _laid_on(background: Colour, image: Levelled, *, is_grey: bool) -> Levelled:
    """An image whose last channel is alpha, laid on a colour; a grey one on its brightness."""
    from PIL import Image

    colours, alpha = image[:-1].astype(np.int64), image[-1:].astype(np.int64)
    if is_grey and len(colours) == 1:
        grey = Image.new("RGB", (1, 1), background).convert("L").getpixel((0, 0))
        below = np.full((1, 1, 1), grey, np.int64)
    else:
        below = np.array(background, np.int64)[:, None, None]
    return ((alpha * colours + (255 - alpha) * below + 127) // 255).astype(np.uint8)


def _converted(image: Levelled, shape: tuple[int, int, int]) -> Levelled:
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

"""What Pillow leaves out of images of more than 8 bits a channel.

It decodes colour of 16 bits to the upper bytes. The lower ones come from a second pass that takes
the numbers in the other byte order. Signs of TIFF's numbers are read from its tags.
"""

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Shaped

if TYPE_CHECKING:
    from PIL import Image, ImageFile

_Pixels = Shaped[np.ndarray, "height width channels"]

_OTHER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
_BITS, _PHOTOMETRIC, _PLANES, _SAMPLE_FORMAT = 258, 262, 284, 339
_UNSIGNED, _SIGNED, _WHITE_IS_ZERO = 1, 2, 0
"""Values of TIFF's tags SampleFormat and PhotometricInterpretation."""


class LowerBytes(NamedTuple):
    """The second pass over an image of 16 bits.

    Attributes:
        tiles: by which the image decodes to its lower bytes.
        is_grey: whether it is grey with alpha: then the four channels are two pairs of bytes.
    """

    tiles: list[Any]
    is_grey: bool

    def joined(self, upper: _Pixels, lower: _Pixels) -> _Pixels:
        """Numbers of 16 bits from what the two passes give; of alpha the upper byte."""
        colours, alpha = upper[..., :3], upper[..., 3:]
        if self.is_grey:
            colours, lower = colours[..., :1], lower[..., 1:2]
        values = colours.astype(np.uint16) << 8 | lower[..., :3]
        return np.concatenate([values, alpha.astype(np.uint16)], axis=-1)


def lower_bytes(image: "ImageFile.ImageFile") -> LowerBytes | None:
    """How an unread image decodes to its lower bytes; None where its channels have 8 bits.

    Raises:
        ValueError: if its channels lie apart, which Pillow does not read at this depth.
    """
    if image.mode not in ("RGB", "RGBA", "RGBX"):
        return None
    tags = getattr(image, "tag_v2", {})
    if tags.get(_PLANES) == 2 and max(tags.get(_BITS, (8,))) > 8:
        raise ValueError("channels of 16 bits that lie apart are not read")
    args = [tile[3] for tile in image.tile]
    swapped = [_swapped(a) for a in args]
    if not swapped or None in swapped:
        return None
    tiles = [type(t)(*t[:3], a) for t, a in zip(image.tile, swapped, strict=True)]
    return LowerBytes(tiles, is_grey="LA;16B" in args)


def _swapped(args: Any) -> Any:
    """The arguments of a decoder with the other byte order; None if it is not of 16 bits."""
    mode = str(args if isinstance(args, str) else args[0] if args else "")
    if mode == "LA;16B":
        return "RGBA"
    name, _, order = mode.partition(";16")
    if name not in ("RGB", "RGBA", "RGBX") or order not in _OTHER:
        return None
    other = f"{name};16{_OTHER[order]}"
    return other if isinstance(args, str) else (other, *args[1:])


def with_sign(image: "Image.Image", pixels: _Pixels) -> _Pixels:
    """Pixels as TIFF's tags say they are meant, where Pillow does not look at them."""
    tags = getattr(image, "tag_v2", None)
    if tags is None or pixels.shape[-1] > 1:
        return pixels
    sample = (tags.get(_SAMPLE_FORMAT) or (_UNSIGNED,))[0]
    if pixels.dtype == np.int32 and sample == _UNSIGNED:
        return pixels.view(np.uint32)
    if pixels.dtype == np.uint8 and sample == _SIGNED:
        return pixels.view(np.int8)
    if pixels.dtype == np.uint16 and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        return np.asarray(np.uint16(2**16 - 1) - pixels)
    return pixels

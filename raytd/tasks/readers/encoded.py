"""Images in their file formats, decoded by Pillow."""

import io
import os
import struct
import warnings
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Shaped

from raytd.errors import DataError, first_line
from raytd.tasks.readers.contract import Raw
from raytd.tasks.readers.deep import lower_bytes, with_sign

if TYPE_CHECKING:
    from PIL import Image, ImageFile

_Pixels = Shaped[np.ndarray, "height width channels"]

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "TIFF", "WEBP")
"""Formats that are decoded without another program's help."""

MAX_PIXELS = 2**26
"""67 million. What is larger is refused by its header: a few bytes can claim any size."""

_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    OverflowError,
    MemoryError,
    NotImplementedError,
    struct.error,
    zlib.error,
)
"""What Pillow's decoders raise over damaged files."""


@cache
def endings() -> frozenset[str]:
    """Endings of files in these formats, as Pillow knows them."""
    from PIL import Image

    Image.init()
    known = Image.registered_extensions().items()
    return frozenset(ending for ending, kind in known if kind in FORMATS)


def is_image_name(name: str) -> bool:
    """Whether a file is called like an image that is read."""
    return os.path.splitext(name)[1].lower() in endings()


def decode_image(data: bytes | Path, place: str) -> Raw:
    """Decodes one image to grey or colour, upright; of an animation the first picture is taken.

    Deep images keep their numbers: whole ones of 16 or 32 bits, or fractions. Where pixels are
    transparent, an alpha channel from 0 to 255 comes last; an opaque one is left out.

    Args:
        data: the encoded bytes, or the file that holds them.
        place: where they lie, for the message.

    Raises:
        DataError: if they are not an image, are damaged, or claim more than `MAX_PIXELS`.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            pixels = _decoded(data, place)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        size = next((word for word in str(error).split("(")[-1].split() if word.isdigit()), "?")
        raise DataError(f"{place}: {_too_large(size)}") from error
    except UnidentifiedImageError as error:
        raise DataError(f"{place}: not an image ({', '.join(FORMATS)} are read)") from error
    except _BROKEN as error:
        raise DataError(f"{place}: the image is damaged ({first_line(error)})") from error
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _decoded(data: bytes | Path, place: str) -> _Pixels:
    with _opened(data) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise DataError(f"{place}: {_too_large(f'{height}×{width}')}")
        if image.mode == "LAB":
            raise DataError(
                f"{place}: its colours are CIE L*a*b*, which is not read; make them RGB"
            )
        lower, key = lower_bytes(image), image.info.get("transparency")
        pixels = _upright(image) if lower else _pixels(image)
    if lower:
        with _opened(data) as image:
            image.tile = lower.tiles
            pixels = lower.joined(pixels, _upright(image))
    if pixels.dtype != np.uint8 and isinstance(key, int | tuple):
        opaque = (pixels != np.array(key)).any(axis=-1, keepdims=True)
        pixels = np.concatenate([pixels, np.where(opaque, 255, 0).astype(pixels.dtype)], axis=-1)
    is_opaque = pixels.shape[-1] in (2, 4) and bool((pixels[..., -1] == 255).all())
    return pixels[..., :-1] if is_opaque else pixels


def _opened(data: bytes | Path) -> "ImageFile.ImageFile":
    from PIL import Image

    return Image.open(io.BytesIO(data) if isinstance(data, bytes) else data, formats=FORMATS)


def _too_large(size: str) -> str:
    return f"an image of {size} pixels; at most {MAX_PIXELS} are decoded"


def _pixels(image: "Image.Image") -> _Pixels:
    """The pixels of an image as grey or colour, deep ones as they are."""
    if image.mode.startswith("I") or image.mode == "F":
        return with_sign(image, _upright(image))
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        return _upright(image.convert("LA" if grey else "RGBA"))
    return with_sign(image, _upright(image.convert("L" if grey else "RGB")))


def _upright(image: "Image.Image") -> _Pixels:
    from PIL import ImageOps

    pixels = np.asarray(ImageOps.exif_transpose(image))
    pixels = pixels.astype(pixels.dtype.newbyteorder("="))
    return pixels[..., None] if pixels.ndim == 2 else pixels

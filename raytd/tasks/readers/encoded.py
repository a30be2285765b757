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
from jaxtyping import UInt8

from raytd.errors import DataError
from raytd.tasks.readers.contract import Raw, one_line

if TYPE_CHECKING:
    from PIL import Image

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
    """Decodes one image to grey or colour, upright.

    Transparency is dropped, 16-bit grey keeps its upper eight bits, of an animation the first
    picture is taken.

    Args:
        data: the encoded bytes, or the file that holds them.
        place: where they lie, for the message.

    Raises:
        DataError: if they are not an image, are damaged, or claim more than `MAX_PIXELS`.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            source = io.BytesIO(data) if isinstance(data, bytes) else data
            with Image.open(source, formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise DataError(f"{place}: {_too_large(f'{height}×{width}')}")
                pixels = _pixels(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        size = next((word for word in str(error).split("(")[-1].split() if word.isdigit()), "?")
        raise DataError(f"{place}: {_too_large(size)}") from error
    except UnidentifiedImageError as error:
        raise DataError(f"{place}: not an image ({', '.join(FORMATS)} are read)") from error
    except _BROKEN as error:
        raise DataError(f"{place}: the image is damaged ({one_line(error)})") from error
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _too_large(size: str) -> str:
    return f"an image of {size} pixels; at most {MAX_PIXELS} are decoded"


def _pixels(image: "Image.Image") -> UInt8[np.ndarray, "height width channels"]:
    if image.mode.startswith("I"):
        deep = np.asarray(image).astype(np.int64)
        return (np.clip(deep, 0, 2**16 - 1) >> 8).astype(np.uint8)[..., None]
    if image.mode == "F":
        raise ValueError("its pixels are fractions")
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    pixels = np.asarray(image.convert(mode))
    return pixels[..., None] if mode == "L" else pixels

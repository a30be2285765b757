"""Images of more than 8 bits, of alpha, and of rare colours, read as they are meant."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from raytd.errors import DataError
from raytd.tasks.readers.encoded import decode_image
from tests.cases import for_each

SHAPE = (4, 5)
RANDOM = np.random.default_rng(0)
DEEP = RANDOM.integers(0, 2**16, (*SHAPE, 4)).astype(np.uint16)
COLOURS = RANDOM.integers(0, 256, (*SHAPE, 4), dtype=np.uint8)


def png(pixels: np.ndarray, extra: bytes = b"") -> bytes:
    """A PNG of 16 bits a channel, which Pillow does not write."""
    height, width, channels = pixels.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = struct.pack(">2I5B", width, height, 16, kind, 0, 0, 0)
    chunks = [
        (b"IHDR", head),
        *([(b"tRNS", extra)] if extra else []),
        (b"IDAT", zlib.compress(rows)),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in [*chunks, (b"IEND", b"")]
    )


def tiff(  # noqa: PLR0913 - tags of the format
    pixels: np.ndarray,
    *,
    order: str = "<",
    packed: bool = False,
    sample: int = 1,
    planes: int = 1,
    grey: int = 1,
) -> bytes:
    """A TIFF with one strip, of depths and signs that Pillow does not write."""
    height, width, *more = pixels.shape
    channels = more[0] if more else 1
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    data = zlib.compress(data) if packed else data
    tags = {
        256: ("I", [width]),
        257: ("I", [height]),
        258: ("H", [pixels.dtype.itemsize * 8] * channels),
        259: ("H", [8 if packed else 1]),
        262: ("H", [2 if channels > 2 else grey]),
        273: ("I", [0]),
        277: ("H", [channels]),
        278: ("I", [height]),
        279: ("I", [len(data)]),
        284: ("H", [planes]),
        338: ("H", [2]),
        339: ("H", [sample] * channels),
    }
    if channels != 4:
        del tags[338]
    values = {tag: struct.pack(order + kind * len(v), *v) for tag, (kind, v) in tags.items()}
    start = 8 + 2 + 12 * len(tags) + 4
    long = b"".join(value for value in values.values() if len(value) > 4)
    values[273] = struct.pack(order + "I", start + len(long))
    entries, at = b"", start
    for tag, value in values.items():
        kind, numbers = tags[tag]
        entries += struct.pack(order + "HHI", tag, {"H": 3, "I": 4}[kind], len(numbers))
        entries += struct.pack(order + "I", at) if len(value) > 4 else value.ljust(4, b"\0")
        at += len(value) if len(value) > 4 else 0
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    return head + struct.pack(order + "H", len(tags)) + entries + bytes(4) + long + data


def decoded(data: bytes) -> np.ndarray:
    return decode_image(data, "here").transpose(1, 2, 0)


@for_each("channels", [1, 2, 3, 4])
def test_a_png_of_16_bits_keeps_them_and_of_alpha_the_upper_byte(channels: int) -> None:
    pixels = DEEP[..., :channels]
    expected = pixels.copy()
    if channels in (2, 4):
        expected[..., -1] >>= 8
    np.testing.assert_array_equal(decoded(png(pixels)), expected)


@for_each("packed", [False, True])
@for_each("order", ["<", ">"])
@for_each("channels", [1, 3, 4])
def test_a_tiff_of_16_bits_keeps_them(channels: int, order: str, packed: bool) -> None:
    pixels = DEEP[..., :channels]
    expected = pixels.copy()
    if channels == 4:
        expected[..., -1] >>= 8
    written = pixels[..., 0] if channels == 1 else pixels
    np.testing.assert_array_equal(decoded(tiff(written, order=order, packed=packed)), expected)


@for_each(
    ("pixels", "sample"),
    [
        ((DEEP[..., 0].astype(np.int32) - 30_000).astype(np.int16), 2),
        (DEEP[..., 0].astype(np.uint32) * 65_537, 1),
        ((DEEP[..., 0].astype(np.int64) * 65_537 - 2**31).astype(np.int32), 2),
        ((COLOURS[..., 0].astype(np.int16) - 128).astype(np.int8), 2),
        (COLOURS[..., 0], 1),
        (DEEP[..., 0].astype(np.float32) - 0.5, 3),
    ],
)
def test_the_numbers_of_a_tiff_have_the_sign_that_it_states(
    pixels: np.ndarray, sample: int
) -> None:
    found = decoded(tiff(pixels, sample=sample))[..., 0]
    np.testing.assert_array_equal(found, pixels)
    assert found.dtype.kind == ("i" if sample == 2 else "u" if sample == 1 else "f")


@for_each("pixels", [DEEP[..., 0], COLOURS[..., 0]])
def test_where_white_is_zero_it_becomes_the_greatest_number(pixels: np.ndarray) -> None:
    found = decoded(tiff(pixels, grey=0))[..., 0]
    np.testing.assert_array_equal(found, np.iinfo(pixels.dtype).max - pixels)


def test_deep_channels_that_lie_apart_are_refused() -> None:
    with pytest.raises(DataError, match="here: the image is damaged .*lie apart are not read"):
        decoded(tiff(DEEP[..., :3], planes=2))


def test_a_deep_png_with_a_transparent_colour_has_alpha() -> None:
    pixels = DEEP[..., :3].copy()
    pixels[1, 2] = (1, 2, 300)
    found = decoded(png(pixels, struct.pack(">3H", 1, 2, 300)))
    np.testing.assert_array_equal(found[..., :3], pixels)
    assert found[..., 3].tolist() == np.where((pixels == (1, 2, 300)).all(-1), 0, 255).tolist()
    grey = decoded(png(pixels[..., :1], struct.pack(">H", 1)))
    assert grey[..., 1].tolist() == np.where(pixels[..., 0] == 1, 0, 255).tolist()


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def palette() -> Image.Image:
    image = Image.new("P", SHAPE[::-1], 1)
    image.putpalette([9, 8, 7, 200, 100, 50])
    image.putpixel((2, 1), 0)
    return image


@for_each(
    "data",
    [
        saved(palette(), "PNG", transparency=0),
        saved(palette(), "PNG", transparency=bytes([0, 255])),
        saved(palette(), "GIF", transparency=0),
        saved(palette().convert("RGB"), "PNG", transparency=(9, 8, 7)),
    ],
)
def test_a_transparent_colour_is_alpha(data: bytes) -> None:
    found = decoded(data)
    assert found.shape == (*SHAPE, 4)
    assert found[..., 3].ravel().tolist() == [0 if i == 7 else 255 for i in range(20)]
    assert found[0, 0, :3].tolist() == [200, 100, 50]


@for_each("kind", ["PNG", "TIFF", "WEBP"])
def test_an_opaque_alpha_channel_is_left_out_and_any_other_is_kept(kind: str) -> None:
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    opaque = COLOURS.copy()
    opaque[..., 3] = 255
    found = decoded(saved(Image.fromarray(opaque), kind, **options))
    np.testing.assert_array_equal(found, COLOURS[..., :3])
    np.testing.assert_array_equal(
        decoded(saved(Image.fromarray(COLOURS), kind, **options)), COLOURS
    )


def test_ink_becomes_the_colour_that_it_prints() -> None:
    image = Image.new("RGB", (16, 16), (250, 120, 10))
    for kind, options in (("JPEG", {"quality": 100}), ("TIFF", {})):
        found = decoded(saved(image.convert("CMYK"), kind, **options))
        np.testing.assert_allclose(found[8, 8].astype(int), (250, 120, 10), atol=3)


def test_luminance_and_chroma_become_the_colour_that_they_stand_for() -> None:
    image = Image.new("RGB", (16, 16), (250, 120, 10)).convert("YCbCr")
    found = decoded(saved(image, "TIFF"))
    np.testing.assert_allclose(found[8, 8].astype(int), (250, 120, 10), atol=3)


def test_lab_colours_are_refused_in_plain_words() -> None:
    with pytest.raises(DataError) as error:
        decoded(saved(Image.new("LAB", (3, 3)), "TIFF"))
    assert str(error.value) == "here: its colours are CIE L*a*b*, which is not read; make them RGB"


def test_a_deep_image_that_was_taken_sideways_is_turned() -> None:
    image = Image.fromarray(DEEP[..., 0])
    exif = image.getexif()
    exif[0x0112] = 6
    np.testing.assert_array_equal(
        decoded(saved(image, "TIFF", exif=exif))[..., 0], np.rot90(DEEP[..., 0], -1)
    )

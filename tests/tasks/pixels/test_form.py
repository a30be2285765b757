from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from raytd.errors import DataError
from raytd.tasks import datasets
from raytd.tasks.pixels.form import form_of
from raytd.tasks.readers.arrays import ArrayImages
from raytd.tasks.readers.contract import Split
from tests.cases import for_each
from tests.tasks.formats import encoded, made


def split(images: np.ndarray) -> Split:
    return Split(np.zeros(len(images), np.int64), ArrayImages("some", images))


def read(images: np.ndarray, size: tuple[int, int] | None, channels: int | None) -> np.ndarray:
    part = split(images)
    return form_of(part, size, channels).read(part, np.arange(len(images)))


@settings(deadline=None, max_examples=30)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    factor=st.integers(1, 4),
    level=st.integers(0, 255),
)
def test_an_even_surface_stays_even_at_any_size(
    height: int, width: int, factor: int, level: int
) -> None:
    images = np.full((2, height, width, 3), level, np.uint8)
    for size in ((height * factor, width), (1, 1), (width, height)):
        resized = read(images, size, None)
        assert resized.shape == (2, 3, *size)
        assert (resized == level).all()


def test_every_pixel_counts_in_a_reduced_image() -> None:
    images = np.zeros((1, 16, 16, 1), np.uint8)
    images[0, 5, 9] = 255
    reduced = read(images, (4, 4), None)
    # The filter spreads one pixel of weight 1/16 over its neighbours, each rounded to a level.
    assert reduced.sum() == pytest.approx(255 / 16, abs=3)
    assert reduced[0, 0].argmax() == 1 * 4 + 2


def test_colour_becomes_grey_by_its_brightness_and_grey_becomes_colour_alike_in_all_channels() -> (
    None
):
    images = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8).reshape(3, 1, 1, 3)
    grey = read(images, None, 1)
    # ITU-R 601: .299, .587, .114 of 255.
    assert grey.ravel().tolist() == [76, 150, 29]
    coloured = read(images[:, :, :, :1], None, 3)
    np.testing.assert_array_equal(coloured, images[..., :1].repeat(3, -1).transpose(0, 3, 1, 2))


def test_rows_come_in_the_order_asked_for() -> None:
    content = made("ab", (4, 5, 1))
    part = split(content.train[0])
    rows = np.array([7, 0, 3, 3])
    read = form_of(part, None, None).read(part, rows)
    np.testing.assert_array_equal(read, content.train[0][rows].transpose(0, 3, 1, 2))


@pytest.fixture
def uneven(tmp_path: Path) -> datasets.Dataset:
    """A grey image of 4×6, one of another size, and one in colour."""
    for name, shape in (("0", (4, 6, 1)), ("1", (5, 6, 1)), ("2", (4, 6, 3))):
        path = tmp_path / "some" / "a" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(np.full(shape, 9, np.uint8)))
    return datasets.read("folder:some", tmp_path)


@for_each(
    ("row", "asked", "message"),
    [
        (1, (None, None), "1.png: 5×6 pixels, but the first image has 4×6; state the size"),
        (1, (None, 3), "1.png: 5×6 pixels, but the first image has 4×6; state the size"),
        (2, (None, None), "2.png: in colour, but the first image is grey; state channels: 1 or 3"),
        (2, ((8, 8), None), "2.png: in colour, but the first image is grey"),
    ],
)
def test_an_image_unlike_the_first_is_refused_unless_the_form_is_stated(
    uneven: datasets.Dataset,
    row: int,
    asked: tuple[tuple[int, int] | None, int | None],
    message: str,
) -> None:
    with pytest.raises(DataError, match=message):
        uneven.form(*asked).read(uneven.train, np.array([row]))


@for_each("channels", [1, 3])
def test_a_stated_form_takes_images_of_any_kind(uneven: datasets.Dataset, channels: int) -> None:
    images = uneven.form((3, 2), channels).read(uneven.train, np.arange(3))
    assert images.shape == (3, channels, 3, 2)
    assert set(images.ravel()) == {9}


def test_resizing_is_pillows_bilinear_filter() -> None:
    images = made("a", (9, 7, 3)).train[0]
    for image, resized in zip(images, read(images, (5, 4), None), strict=True):
        expected = Image.fromarray(image).resize((4, 5), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(resized, np.asarray(expected).transpose(2, 0, 1))

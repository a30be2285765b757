"""How values become levels, in one way for a whole data set."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytd.errors import DataError
from raytd.tasks.datasets import read
from raytd.tasks.pixels import levels
from raytd.tasks.readers.arrays import ArrayImages
from raytd.tasks.readers.contract import Split
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import Task, make_task
from tests.cases import for_each
from tests.tasks.formats import encoded, made, write_npz

IMAGES, LABELS = made(("ant", "bee"), (6, 5, 1), per_class=6).train
BYTES = IMAGES.transpose(0, 3, 1, 2)


def split(images: np.ndarray) -> Split:
    return Split(np.zeros(len(images), np.int64), ArrayImages("some", images))


def nowhere() -> str:
    return "here"


def from_npz(root: Path, images: np.ndarray, **spec: object) -> Task:
    write_npz(root / "data.npz", images=images, labels=LABELS)
    asked = TaskSpec(name="all", dataset="npz:data.npz", **spec)
    return make_task(asked, read("npz:data.npz", root))


def from_folder(root: Path, images: Sequence[np.ndarray], **spec: object) -> Task:
    """Pictures as PNG, of which the first five are of class a."""
    for row, image in enumerate(images):
        path = root / "data" / ("a" if row < 5 else "b") / f"{row:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(image))
    return make_task(TaskSpec(name="all", dataset="folder:data", **spec), read("folder:data", root))


def pixels(task: Task) -> set[bytes]:
    return {image.tobytes() for image in [*task.train.images, *task.val.images]}


@for_each(
    ("highest", "bits"),
    [(255, 8), (256, 10), (1023, 10), (1024, 12), (4095, 12), (4096, 14), (16384, 16), (65535, 16)],
)
@for_each("dtype", [np.uint16, np.int32, np.int64, np.dtype(">u2")])
def test_whole_numbers_have_the_bits_of_the_largest_training_pixel(
    highest: int, bits: int, dtype: np.dtype
) -> None:
    images = np.zeros((3, 2, 2, 1), dtype)
    images[1, 0, 1] = highest
    found = levels.found(split(images))
    assert (found.low, found.high) == (0, 2**bits - 1)
    assert f"read as {bits}-bit numbers" in found.note
    scaled = found.of(images[1].transpose(2, 0, 1), nowhere)
    assert scaled.max() == highest >> (bits - 8)


@settings(deadline=None)
@given(values=st.lists(st.integers(0, 65535), min_size=1, max_size=30))
def test_numbers_of_16_bits_keep_their_upper_byte(values: list[int]) -> None:
    image = np.array([[values]], np.uint16)
    full = levels.Levels(0, 65535, None).of(image, nowhere)
    np.testing.assert_array_equal(full, image >> 8)


@settings(deadline=None)
@given(
    low=st.integers(-(2**40), 2**40),
    width=st.integers(1, 2**40),
    at=st.lists(st.floats(0, 1), min_size=1, max_size=20),
)
def test_a_range_goes_from_0_to_255_in_order(low: int, width: int, at: list[float]) -> None:
    values = np.array([[sorted([low, low + width, *(low + int(a * width) for a in at)])]])
    for dtype in (np.int64, np.float64):
        found = levels.stated(low, low + width).of(values.astype(dtype), nowhere)
        assert (found[0, 0, 0], found[0, 0, -1]) == (0, 255)
        assert (np.diff(found.astype(int)) >= 0).all()
        exact = (values - low) * 255 / width
        # The bins of whole numbers are wider by 256/255, and a level is rounded.
        np.testing.assert_allclose(found, exact, atol=1.01)


def test_the_same_picture_is_the_same_task_at_any_depth(tmp_path: Path) -> None:
    plain = from_npz(tmp_path, IMAGES)
    for other, spec in (
        (IMAGES.astype(np.uint16), {}),
        (IMAGES.astype(np.uint16) * 16, {}),
        (IMAGES.astype(np.int64) * 256, {}),
        (IMAGES.astype(np.float32) / 255, {}),
        (IMAGES / 255, {}),
        (IMAGES.astype(np.float16), {"range": [0, 255]}),
        (IMAGES.astype(np.int16) - 1000, {"range": [-1000, -745]}),
        (IMAGES, {"range": [0, 255]}),
    ):
        task = from_npz(tmp_path, other, **spec)
        assert pixels(task) == pixels(plain)
        assert task.digest == plain.digest


def test_truth_values_are_black_and_white(tmp_path: Path) -> None:
    task = from_npz(tmp_path, IMAGES > 100)
    assert pixels(task) == {image.tobytes() for image in (BYTES > 100).astype(np.uint8) * 255}


def test_brightness_differs_between_images_as_it_does_in_the_files(tmp_path: Path) -> None:
    dark = [image // 4 for image in IMAGES.astype(np.uint16)]
    images = [image * 16 if row % 2 else dark[row] * 16 for row, image in enumerate(dark)]
    bright = IMAGES.astype(np.uint16)[0] * 16
    task = from_folder(tmp_path, [*images[:9], bright])
    expected = {(image >> 4).astype(np.uint8).tobytes() for image in [*images[:9], bright]}
    assert pixels(task) == expected


def test_the_depth_is_found_in_all_training_images_and_not_in_those_of_the_task(
    tmp_path: Path,
) -> None:
    images = [image.astype(np.uint16) * 64 for image in IMAGES]
    images[-1] = images[-1] * 4
    for name, own in (("a", images[:5]), ("b", images[5:])):
        task = from_folder(tmp_path, images, classes=[name])
        assert any("read as 16-bit numbers" in note for note in task.notes)
        assert pixels(task) == {(image >> 8).astype(np.uint8).tobytes() for image in own}


@for_each(
    ("images", "spec", "message"),
    [
        (
            np.where(IMAGES.min() == IMAGES, -1024, IMAGES.astype(np.int32)),
            {},
            "hold whole numbers from -1024 to",
        ),
        (IMAGES.astype(np.uint32) * 1000, {}, "; state the values that become black and white: "),
        (IMAGES.astype(np.float32), {}, "outside of the range [0, 1]; state the range of all imag"),
        (IMAGES / 127.5 - 1, {}, "outside of the range [0, 1]; state the range of all images: ran"),
    ],
)
def test_values_that_could_be_on_several_scales_are_refused_with_the_way_to_say_which(
    tmp_path: Path, images: np.ndarray, spec: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError) as error:
        from_npz(tmp_path, images, **spec)
    assert str(error.value).startswith(f"{tmp_path}/data.npz (images) row ")
    assert message in str(error.value)
    assert "range: [low, high]" in str(error.value)


@for_each("dtype", [np.uint8, np.int16, np.int64, np.uint64, np.float32, np.float64])
def test_a_stated_range_is_a_window(tmp_path: Path, dtype: np.dtype) -> None:
    task = from_npz(tmp_path, IMAGES.astype(dtype), range=[50, 60])
    expected = np.rint((BYTES.astype(float).clip(50, 60) - 50) * 25.5).astype(np.uint8)
    assert pixels(task) == {image.tobytes() for image in expected}
    (note,) = task.notes
    assert note.startswith(f"all: in 12 images, such as {tmp_path}/data.npz (images) row ")
    assert note.endswith(
        ", values below the range [50, 60] became black, and those above it white."
    )


def test_only_images_that_a_stated_range_cuts_are_counted(tmp_path: Path) -> None:
    images = IMAGES.clip(20, 200)
    images[[3, 7]] += 50
    images[3, 0, 0], images[7, 0, 0] = 250, 250
    (note,) = from_npz(tmp_path, images, range=[20, 249]).notes
    assert note.startswith("all: in 2 images, such as ")
    assert from_npz(tmp_path, images, range=[0, 250]).notes == ()


@for_each("end", [2**63 - 1, -(2**63), 2**64 - 1])
def test_the_largest_numbers_are_cut_on_their_side(end: int) -> None:
    values = np.array([[[end, 5]]], np.uint64 if end >= 2**63 else np.int64)
    cut = levels.stated(0, 10).of(values, nowhere)
    assert cut[0, 0, 0] == (255 if end > 0 else 0)


@for_each("asked", [[300, 400], [-9, -1]])
def test_a_range_that_shows_nothing_is_refused(tmp_path: Path, asked: list[int]) -> None:
    colour = "black" if asked[0] > 0 else "white"
    with pytest.raises(DataError, match=f"all pixels of the training images are {colour} in the"):
        from_npz(tmp_path, IMAGES, range=asked)


@for_each("asked", [{}, {"range": [0, 1]}])
@for_each(("low", "high"), [(-1e-17, 1), (0, 1.000001), (-9e-5, 1 + 9e-5)])
def test_rounding_beyond_the_ends_of_fractions_is_cut_off(
    tmp_path: Path, asked: dict[str, object], low: float, high: float
) -> None:
    images = IMAGES / 255
    images[:, 0, 0], images[:, 0, 1] = 0, 1
    plain = from_npz(tmp_path, images, **asked)
    images[:, 0, 0], images[:, 0, 1] = low, high
    rounded = from_npz(tmp_path, images, **asked)
    assert (rounded.digest, rounded.notes) == (plain.digest, plain.notes)


@for_each("value", [-1.1e-4, 1.00011])
def test_fractions_beyond_rounding_are_refused(tmp_path: Path, value: float) -> None:
    images = IMAGES / 255
    images[4, 0, 0] = value
    with pytest.raises(DataError, match=r"outside of the range \[0, 1\]"):
        from_npz(tmp_path, images)


@for_each("wrong", [np.nan, np.inf, -np.inf])
@for_each("asked", [{}, {"range": [0, 1]}])
def test_a_pixel_that_is_not_finite_is_refused_with_its_row(
    tmp_path: Path, wrong: float, asked: dict[str, object]
) -> None:
    images = IMAGES / 255
    images[7, 2, 3] = wrong
    with pytest.raises(DataError, match=r"data\.npz \(images\) row 7: it has pixels that are not"):
        from_npz(tmp_path, images, **asked)


def test_images_of_different_depth_are_refused(tmp_path: Path) -> None:
    deep = [image.astype(np.uint16) * 257 for image in IMAGES]
    mixed = [image if row % 3 else deep[row] for row, image in enumerate(IMAGES)]
    with pytest.raises(DataError, match=r"01\.png: its pixels are 8-bit numbers, but those of the"):
        from_folder(tmp_path / "deep first", mixed)
    with pytest.raises(DataError, match="its pixels are whole numbers of more than 8 bits, but"):
        from_folder(tmp_path / "deep later", [IMAGES[0], *mixed[1:]])


def test_a_validation_pixel_above_the_depth_of_the_training_images_is_refused(
    tmp_path: Path,
) -> None:
    deep = IMAGES.astype(np.uint16)
    arrays = {"x_train": deep, "y_train": LABELS, "x_test": deep * 4, "y_test": LABELS}
    write_npz(tmp_path / "data.npz", **arrays)
    dataset = read("npz:data.npz", tmp_path)
    with pytest.raises(DataError, match=r"\(x_test\) row .* outside of the range \[0, 255\]"):
        make_task(TaskSpec(name="all", dataset="npz:data.npz"), dataset)


@settings(deadline=None)
@given(values=st.lists(st.integers(0, 4095), min_size=1, max_size=30))
def test_levels_are_told_in_values_that_hold_all_of_the_image(values: list[int]) -> None:
    deep = np.zeros((2, 1, 1, 1), np.uint16)
    deep[1] = 4095
    scale, image = levels.found(split(deep)), np.array([[values]], np.uint16)
    scaled = scale.of(image, nowhere)
    low, high = scale.between(int(scaled.min()), int(scaled.max()))
    assert min(values) - 16 < low <= min(values)
    assert max(values) <= high < max(values) + 16

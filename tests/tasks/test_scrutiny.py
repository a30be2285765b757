"""What images say against their task once they are read: some refuse it, others are told."""

import numpy as np
import pytest

from raytd.errors import DataError
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import Task, make_task
from tests.cases import for_each
from tests.tasks.formats import in_memory

RANDOM = np.random.default_rng(0)
N = 12


def images(channels: int = 1, n: int = N) -> np.ndarray:
    """Images that all differ, of two classes in turn."""
    return RANDOM.integers(0, 256, (n, channels, 6, 5), dtype=np.uint8)


def task(train: np.ndarray, val: np.ndarray | None = None, **spec: object) -> Task:
    """A task of classes cat (even rows) and dog (odd ones)."""
    val = images(train.shape[1]) if val is None else val
    parts = [(part, np.arange(len(part)) % 2) for part in (train, val)]
    dataset = in_memory("made", ("cat", "dog"), *parts)
    return make_task(TaskSpec(name="some", dataset="made", **spec), dataset)


def refusal(*parts: np.ndarray, **spec: object) -> str:
    with pytest.raises(DataError) as error:
        task(*parts, **spec)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_good_images_are_not_talked_about() -> None:
    for channels in (1, 3):
        assert task(images(channels)).notes == ()


def test_images_within_few_levels_are_refused_with_both_readings() -> None:
    assert refusal(images() // 128) == (
        "task 'some' of made: the pixels of the training images are between 0 and 1 on a scale of "
        "[0, 255], so the images are almost blank; state the scale: range: [0, 1] makes these "
        "black and white, and range: [0, 255] leaves them as they are"
    )


def test_both_readings_of_images_within_few_levels_can_be_stated() -> None:
    dark = images() // 128
    assert set(task(dark, dark, range=[0, 1]).train.images.ravel()) == {0, 255}
    assert set(task(dark, dark, range=[0, 255]).train.images.ravel()) == {0, 1}


def test_a_class_of_images_that_show_nothing_is_refused_by_name() -> None:
    for use, message in (("train", "every training image"), ("val", "every validation image")):
        parts = {"train": images(3), "val": images(3)}
        parts[use][1::2] = RANDOM.integers(0, 256, (N // 2, 3, 1, 1))
        parts[use][1::2, :, 0, 0] += parts[use][1::2, :, 0, 0] < 255  # JPEG's rounding
        told = refusal(parts["train"], parts["val"])
        assert told.startswith(f"task 'some' of made: {message} of class 'dog' has a single colour")
        assert told.endswith("; leave the class out")
        assert "(the first is made row " in told


def test_a_class_of_copies_is_refused_by_name() -> None:
    for use, message in (("train", "all 6 training images"), ("val", "all 6 validation images")):
        parts = {"train": images(), "val": images()}
        parts[use][0::2] = parts[use][0]
        assert refusal(parts["train"], parts["val"]) == (
            f"task 'some' of made: {message} of class 'cat' are copies of one image; leave the "
            "class out, or give it other images"
        )


@for_each("use", ["training", "validation"])
def test_what_chance_may_explain_is_told_and_not_refused(use: str) -> None:
    for n_each, is_refused in ((1, False), (2, False), (4, False), (5, True)):
        parts = {"training": images(), "validation": images()}
        few = images(n=2 * n_each)
        few[1::2] = np.arange(n_each)[:, None, None, None]
        parts[use] = few
        blank = f"very {use} image of class 'dog' has a single colour (the first is made row "
        same = parts | {use: few.copy()}
        same[use][0::2] = same[use][0]
        same[use][1::2] = images(n=n_each)
        copies = f"ll {n_each} {use} images of class 'cat' are copies of one image"
        if is_refused:
            assert blank in refusal(*parts.values())
            assert copies in refusal(*same.values())
        else:
            assert any(blank in note for note in task(*parts.values()).notes)
            assert any(copies in note for note in task(*same.values()).notes) == (n_each > 1)


def test_one_image_of_a_class_is_no_copy() -> None:
    assert task(images(n=2), images(n=2)).notes == ()


def test_many_classes_are_named_in_short() -> None:
    labels = np.arange(50) % 10
    same = np.repeat(images(n=1), 50, axis=0)
    names = tuple(f"c{i}" for i in range(10))
    dataset = in_memory("made", names, (same, labels), (images(n=50), labels))
    with pytest.raises(DataError, match="of classes 'c0', 'c1', 'c2' and 7 more are copies"):
        make_task(TaskSpec(name="some", dataset="made"), dataset)


def test_some_blank_images_are_told_with_an_example() -> None:
    train, val = images(), images()
    train[[1, 3, 4]] = 7
    val[5] = 250
    assert [note for note in task(train, val).notes if "single" in note] == [
        "some: 3 of 12 training images have a single colour, such as made row 4 (class 'cat').",
        "some: 1 of 12 validation images have a single colour, such as made row 5 (class 'dog').",
    ]


def test_images_of_one_pixel_may_have_one_colour() -> None:
    pixels = images()[:, :, :1, :1]
    pixels.flat[:] = np.linspace(0, 255, pixels.size)
    assert not [note for note in task(pixels, 255 - pixels).notes if "single" in note]


def test_an_empty_channel_is_told() -> None:
    train, val = images(3), images(3)
    train[:, 2], val[:, 2] = 7, 7
    assert task(train, val).notes == (
        "some: the blue channel is empty: all training images have level 7 there.",
    )


def test_a_channel_that_is_empty_in_the_training_images_alone_is_refused() -> None:
    train = images(3)
    train[:, 2] = 0
    assert "the blue channel has level 0 in all training images, but levels from" in refusal(
        train, images(3)
    )


def test_copies_across_the_split_are_told_with_their_number_and_an_example() -> None:
    train, val = images(), images()
    val[[2, 3, 9]] = train[[6, 1, 1]]
    (note,) = task(train, val).notes
    assert note.startswith("some: 3 of 12 validation images are training images, too, such as made")
    assert ", the same as made row " in note


def test_copies_are_those_of_the_pixels_that_the_task_sees() -> None:
    train, val = images(), images()
    val[4] = train[2]
    val[4, 0, 0, 0] ^= 1
    assert task(train, val).notes == ()
    val[4] = train[2]
    val[4, :, 1:3, 1:3] = val[4, :, 1:3, 1:3].mean().astype(np.uint8)
    train[2, :, 1:3, 1:3] = val[4, :, 1:3, 1:3]
    assert "1 of 12 validation images are training images" in task(train, val).notes[0]


def test_an_image_of_two_classes_is_told() -> None:
    train = images()
    train[3] = train[8]
    (note,) = task(train).notes
    assert note == (
        "some: 1 training image with copies in several classes, such as made row 8 (classes 'cat', "
        "'dog')."
    )


def test_transparent_pixels_are_told_and_lie_on_the_background() -> None:
    pixels = np.concatenate([np.zeros((N, 3, 6, 5), np.uint8), images()], axis=1)
    for background, colour, name in (
        (None, (255, 255, 255), "white"),
        ("white", (255, 255, 255), "white"),
        ([200, 100, 250], (200, 100, 250), "[200, 100, 250]"),
    ):
        made = task(pixels, pixels, background=background)
        assert f"some: transparent pixels of 24 images were laid on {name} (background)." in (
            made.notes
        )
        expected = {
            np.rint((255 - alpha) * np.array(colour)[:, None, None] / 255)
            .astype(np.uint8)
            .tobytes()
            for alpha in pixels[:, 3:].astype(float)
        }
        assert {image.tobytes() for image in made.train.images} == expected
    assert refusal(pixels, pixels, background="black").endswith(
        "where transparent ones show black, so the images are almost blank; set background: white"
    )


def test_transparent_grey_lies_on_the_brightness_of_the_background() -> None:
    pixels = np.concatenate([images(), np.zeros((N, 1, 6, 5), np.uint8)], axis=1)
    pixels[:, 1, 3:] = 255
    made = task(pixels, pixels, background=[0, 255, 0])
    assert made.image_shape == (1, 6, 5)
    assert set(made.train.images[:, 0, :3].ravel()) == {150}  # .587 of 255
    coloured = task(pixels, pixels, background=[0, 255, 0], channels=3)
    assert coloured.train.images[0, :, 0, 0].tolist() == [0, 255, 0]


def test_an_image_that_is_transparent_in_part_is_laid_before_it_is_resized() -> None:
    pixels = np.zeros((N, 4, 2, 2), np.uint8)
    pixels[:, :3] = 255
    pixels[:, 3, 0] = np.arange(N)[:, None] * 20
    pixels[:, 3, 1] = 255
    made = task(pixels, pixels, background="black", size=1)
    levels = sorted(made.train.images[:, 0, 0, 0].tolist())
    np.testing.assert_allclose(levels, [(20 * i + 255) / 2 for i in range(N)], atol=1)


@for_each("background", ["white", "black", [9, 99, 9]])
def test_images_that_no_background_shows_are_refused_without_advice_to_change_it(
    background: object,
) -> None:
    for channels in (1, 3):
        alpha = np.zeros((N, 1, 6, 5), np.uint8)
        pixels = np.concatenate([images(channels), alpha], axis=1)
        told = refusal(pixels, pixels, background=background)
        assert "all pixels of 24 images are transparent (alpha 0), and no background shows" in told
        assert "set background" not in told


def test_a_class_that_no_background_shows_is_refused_without_advice_to_change_it() -> None:
    pixels = np.concatenate([images(3), np.full((N, 1, 6, 5), 255, np.uint8)], axis=1)
    pixels[1::2, 3] = 0
    told = refusal(pixels, pixels)
    assert "every training image of class 'dog' has a single colour" in told
    assert "background" not in told


def test_bright_marks_do_not_hide_that_images_are_almost_blank() -> None:
    corner, border = images() // 128, images() // 128
    corner[:, :, 0, 0], border[:, :, 0] = 255, 200
    for marked, share in ((corner, "0.033"), (border, "0.17")):
        assert refusal(marked) == (
            "task 'some' of made: the pixels of the training images are between 0 and 1 but for "
            f"{share} of them on a scale of [0, 255], so the images are almost blank; state the "
            "scale: range: [0, 1] makes these black and white, and range: [0, 255] leaves them as "
            "they are"
        )
        assert set(task(marked, marked, range=[0, 1]).train.images.ravel()) == {0, 255}
    assert "but for" not in refusal(images() // 128)


def test_drawings_are_not_taken_for_marks() -> None:
    strokes = np.zeros((N, 1, 20, 20), np.uint8)
    for row, stroke in enumerate(strokes):
        stroke[0, row, 3:8] = 255  # about 1 % of the pixels
    grey = strokes.copy()
    grey[:, :, 19, :3] = 1, 128, 2
    jpeg = strokes ^ RANDOM.integers(0, 4, strokes.shape, dtype=np.uint8)
    noisy_paper = 255 - strokes // 255 * 255 - RANDOM.integers(0, 9, strokes.shape) * (strokes == 0)
    few_levels = strokes.copy()
    few_levels[:, :, 18, 18:] = 1, 17
    for drawing in (strokes, 255 - strokes, grey, jpeg, noisy_paper.astype(np.uint8), few_levels):
        assert not [note for note in task(drawing, drawing).notes if "blank" in note]

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from raytd.errors import DataError
from raytd.tasks.catalogue import CATALOGUE
from raytd.tasks.datasets import Dataset, Part
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import Task, make_task
from tests.cases import for_each
from tests.tasks.formats import in_memory

CLASSES = [str(digit) for digit in range(10)]
SMALLEST_TRAIN, SMALLEST_VAL = 116, 58
"""Of the 174 images of the rarest digit, two thirds and one third."""

SPECS = st.builds(
    lambda classes, train, val: TaskSpec(
        name="any",
        dataset="digits",
        classes=tuple(classes),
        train=max(train, len(classes)),
        val=max(val, len(classes)),
    ),
    classes=st.lists(st.sampled_from(CLASSES), min_size=1, unique=True),
    train=st.integers(1, SMALLEST_TRAIN),
    val=st.integers(1, SMALLEST_VAL),
)
few = settings(deadline=None, max_examples=30)
"""Tasks of one to ten classes, with few images or all: thirty draws hold most kinds."""

DIGEST = """
from pathlib import Path
from raytd.tasks import datasets
from raytd.tasks.catalogue import CATALOGUE
from raytd.tasks.task import make_task
dataset = datasets.read("digits", Path("unused"))
print(make_task(CATALOGUE["digits-low"], dataset).digest)
"""


def spec(*classes: str, train: int | None = None, val: int | None = None) -> TaskSpec:
    return TaskSpec(name="some", dataset="digits", classes=classes, train=train, val=val)


def identities(part: Part) -> set[bytes]:
    return {image.tobytes() for image in part.images}


IMAGES = np.random.default_rng(0).integers(0, 256, (40, 3, 5, 6), dtype=np.uint8)
"""All different; half of them are for validation."""


def with_own_validation(name: str = "made") -> Dataset:
    """Two classes, a and b, with a part for validation."""
    labels = np.arange(20) % 2
    return in_memory(name, ("a", "b"), (IMAGES[:20], labels), (IMAGES[20:], labels))


MADE = TaskSpec(name="made", dataset="made", classes=("b", "a"))


@few
@given(one=SPECS, other=SPECS)
def test_an_image_that_trains_one_task_never_validates_another(
    digits: Dataset, one: TaskSpec, other: TaskSpec
) -> None:
    first, second = make_task(one, digits), make_task(other, digits)
    assert not identities(first.train) & identities(second.val)
    assert not identities(second.train) & identities(first.val)
    assert not identities(first.train) & identities(first.val)


def test_low_and_even_digits_share_images_but_never_across_the_split(digits: Dataset) -> None:
    low, even = (make_task(CATALOGUE[f"digits-{name}"], digits) for name in ("low", "even"))
    assert not identities(low.train) & identities(even.val)
    assert not identities(even.train) & identities(low.val)
    shared = np.isin(digits.train.labels, [0, 2, 4]).sum()
    assert (
        len(identities(low.train) & identities(even.train))
        + len(identities(low.val) & identities(even.val))
        == shared
    )


@few
@given(wanted=SPECS)
def test_counts_are_exact_and_even_over_the_classes(digits: Dataset, wanted: TaskSpec) -> None:
    task = make_task(wanted, digits)
    for part, count in ((task.train, wanted.train), (task.val, wanted.val)):
        per_class = np.bincount(part.labels, minlength=len(wanted.classes))
        assert len(part.images) == len(part.labels) == per_class.sum() == count
        assert per_class.max() - per_class.min() <= 1
        assert (np.diff(per_class) <= 0).all()
        assert len(identities(part)) == count


@few
@given(wanted=SPECS)
def test_labels_are_indices_into_the_classes_of_the_task(
    digits: Dataset, digit_images: np.ndarray, wanted: TaskSpec
) -> None:
    known = {
        image.tobytes(): label
        for image, label in zip(digit_images, digits.train.labels, strict=True)
    }
    task = make_task(wanted, digits)
    assert task.classes == tuple(f"digits/{name}" for name in wanted.classes)
    for part in (task.train, task.val):
        truth = [known[image.tobytes()] for image in part.images]
        assert [int(wanted.classes[label]) for label in part.labels] == truth


def test_without_counts_a_task_takes_every_image_and_holds_a_third_back(digits: Dataset) -> None:
    task = make_task(CATALOGUE["digits-low"], digits)
    for label in range(5):
        n = (digits.train.labels == label).sum()
        held_back = (task.val.labels == label).sum()
        assert held_back + (task.train.labels == label).sum() == n
        assert abs(held_back - n / 3) <= 0.5


def test_smaller_tasks_are_parts_of_larger_ones(digits: Dataset) -> None:
    small, large = (make_task(spec("3", "8", train=n, val=n), digits) for n in (20, 50))
    assert identities(small.train) < identities(large.train)
    assert identities(small.val) < identities(large.val)


def test_the_images_of_a_class_do_not_depend_on_the_other_classes(digits: Dataset) -> None:
    alone = make_task(spec("3", train=10, val=5), digits)
    third = make_task(spec("7", "1", "3", train=30, val=15), digits)
    for one, other in ((alone.train, third.train), (alone.val, third.val)):
        np.testing.assert_array_equal(one.images, other.images[other.labels == 2])


def test_images_are_shuffled_within_their_class(digits: Dataset, digit_images: np.ndarray) -> None:
    task = make_task(spec("3"), digits)
    in_order = digit_images[digits.train.labels == 3]
    assert not np.array_equal(task.train.images, in_order[: len(task.train.images)])


def test_the_same_images_are_shuffled_otherwise_under_the_name_of_another_data_set() -> None:
    one, other = (make_task(MADE, with_own_validation(name)) for name in ("made", "other"))
    assert identities(one.train) == identities(other.train)
    assert not np.array_equal(one.train.images, other.train.images)


def test_a_data_set_with_a_validation_part_keeps_its_split() -> None:
    dataset = with_own_validation()
    task = make_task(MADE, dataset)
    assert identities(task.train) == {image.tobytes() for image in IMAGES[:20]}
    assert identities(task.val) == {image.tobytes() for image in IMAGES[20:]}
    assert task.train.labels.tolist() == [0] * 10 + [1] * 10
    assert task.image_shape == (3, 5, 6)


def test_a_task_shares_no_memory_with_its_data_set() -> None:
    dataset = with_own_validation()
    task = make_task(MADE, dataset)
    assert not np.shares_memory(task.train.images, IMAGES)


def test_an_unknown_class_is_told_with_what_there_is(digits: Dataset) -> None:
    with pytest.raises(DataError) as error:
        make_task(spec("1", "ten"), digits)
    assert str(error.value) == (
        "task 'some': digits has no class 'ten'; it has 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    )


@for_each(
    ("wanted", "message"),
    [
        ({"train": 400}, "train = 400 takes 200 images of class '3', which has 122; set train"),
        ({"val": 1000}, "val = 1000 takes 500 images of class '3', which has 61; set val"),
        ({"train": 1}, "train = 1 takes 0 images of class '8', which has 116; set train"),
    ],
)
def test_counts_that_cannot_be_had_are_told_with_those_that_can(
    digits: Dataset, wanted: dict[str, int], message: str
) -> None:
    with pytest.raises(DataError) as error:
        make_task(spec("3", "8", **wanted), digits)
    (bound,) = ({"train": 232, "val": 116}[split] for split in wanted)
    assert str(error.value) == f"task 'some': {message} between 2 and {bound}"


@for_each("split", ["train", "val"])
def test_the_bounds_of_that_message_are_themselves_possible(digits: Dataset, split: str) -> None:
    for count in (2, 232 if split == "train" else 116):
        task = make_task(spec("3", "8", **{split: count}), digits)
        assert len(getattr(task, split).labels) == count


@for_each("name", ["digits", "made"])
def test_normalisation_is_that_of_all_training_pixels(
    name: str, digits: Dataset, digit_images: np.ndarray
) -> None:
    dataset = {"digits": digits, "made": with_own_validation()}[name]
    task = make_task(spec("3", train=5, val=5) if name == "digits" else MADE, dataset)
    pixels = {"digits": digit_images, "made": IMAGES[:20]}[name] / 255
    # Sums of 1e5 numbers in another order.
    np.testing.assert_allclose(task.mean, pixels.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(task.std, pixels.std(axis=(0, 2, 3)), rtol=1e-12)


@settings(deadline=None, max_examples=50)
@example(images=np.full((3, 1, 1, 1), 33, np.uint8))
@given(
    images=arrays(
        np.uint8,
        st.tuples(st.integers(3, 8), st.sampled_from([1, 3]), st.integers(1, 5), st.integers(1, 5)),
    )
)
def test_normalisation_agrees_with_numpy_for_any_images(images: np.ndarray) -> None:
    dataset = in_memory("made", ("a",), (images, np.zeros(len(images), np.int64)))
    found_mean, found_std = dataset.constants(dataset.form(None, None))
    pixels = images / 255
    np.testing.assert_allclose(found_mean, pixels.mean(axis=(0, 2, 3)), rtol=1e-13, atol=1e-15)
    # The variance is a difference of numbers up to one; its root loses half of the digits.
    std = np.maximum(pixels.std(axis=(0, 2, 3)), 1e-6)
    np.testing.assert_allclose(found_std, std, rtol=1e-10, atol=3e-8)
    assert all(np.isfinite(found_std))
    assert min(found_std) > 0


def test_the_digest_is_the_same_in_another_process(digits: Dataset) -> None:
    here = make_task(CATALOGUE["digits-low"], digits).digest
    there = subprocess.run(
        [sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True, timeout=300
    )
    assert there.stdout.strip() == here
    assert len(here) == 16
    int(here, base=16)


def test_the_digest_does_not_depend_on_the_name(digits: Dataset) -> None:
    one = CATALOGUE["digits-low"]
    other = one.model_copy(update={"name": "renamed"})
    assert make_task(one, digits).digest == make_task(other, digits).digest


def test_the_digest_does_not_depend_on_how_the_arrays_lie_in_memory() -> None:
    task = make_task(MADE, with_own_validation())
    images = np.asfortranarray(task.train.images)
    other = replace(task, train=Part(images, task.train.labels.astype(np.int32)))
    assert other.digest == task.digest


def changed_pixel(task: Task) -> Task:
    images = task.val.images.copy()
    images[-1, -1, -1, -1] ^= 1
    return replace(task, val=replace(task.val, images=images))


def changed_label(task: Task) -> Task:
    return replace(task, train=replace(task.train, labels=task.train.labels[::-1].copy()))


def moved_image(task: Task) -> Task:
    """The last training image becomes the first one for validation; the bytes stay in order."""
    parts = {"images": (task.train.images, task.val.images)}
    parts["labels"] = (task.train.labels, task.val.labels)
    train = Part(**{key: train[:-1] for key, (train, _) in parts.items()})
    val = Part(**{key: np.concatenate([a[-1:], b]) for key, (a, b) in parts.items()})
    return replace(task, train=train, val=val)


@for_each(
    "change",
    [
        changed_pixel,
        changed_label,
        moved_image,
        lambda task: replace(task, classes=("made/a", "made/b")),
        lambda task: replace(task, mean=(*task.mean[:2], np.nextafter(task.mean[2], 1))),
        lambda task: replace(task, std=(*task.std[:2], np.nextafter(task.std[2], 1))),
        lambda task: replace(
            task, train=replace(task.train, images=task.train.images.reshape(20, 3, 6, 5))
        ),
    ],
)
def test_the_digest_sees_every_change_of_the_content(change: object) -> None:
    task = make_task(MADE, with_own_validation())
    assert change(task).digest != task.digest


def test_a_class_that_is_named_twice_is_refused(digits: Dataset) -> None:
    twice = TaskSpec(name="twice", dataset="digits", classes=("3", "5", "3"))
    with pytest.raises(DataError, match="class '3' is named twice"):
        make_task(twice, digits)

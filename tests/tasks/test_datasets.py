from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from raytd.errors import DataError
from raytd.tasks import datasets
from raytd.tasks.account import account_lines
from raytd.tasks.readers.arrays import ArrayImages
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import Task, make_task
from raytd.tasks.vocabulary import CLASS_NAMES
from tests.cases import for_each
from tests.tasks.formats import (
    by_class,
    encoded,
    made,
    write_cifar,
    write_folder,
    write_hub,
    write_idx,
    write_npz,
    write_parquet,
)

ANIMALS = ("bird", "cat", "deer", "dog", "frog", "horse")
CIFAR = made(CLASS_NAMES["cifar10"], (32, 32, 3), per_class=10)


def animals(reference: str, root: Path, known_as: str | None = None, seed: int = 0) -> Task:
    spec = TaskSpec(name="a", dataset=reference, classes=ANIMALS, train=30, val=18, seed=seed)
    return make_task(spec, datasets.read(reference, root, known_as=known_as))


def test_the_same_images_make_the_same_task_through_parquet_and_torchvisions_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cifar("cifar10", tmp_path, CIFAR, monkeypatch)
    files = [f"train-{i}.parquet" for i in range(4)]
    write_hub(tmp_path / "hub", CIFAR, train=files, val="test.parquet")
    one, other = animals("cifar10", tmp_path), animals("parquet:hub", tmp_path, "cifar10")
    assert one.classes == other.classes == tuple(f"cifar10/{name}" for name in ANIMALS)
    assert one.digest == other.digest
    assert animals("parquet:hub", tmp_path).digest != one.digest
    assert animals("parquet:hub", tmp_path).classes[0] == "hub/bird"


def test_folders_of_the_same_images_make_the_same_task_if_their_order_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "files", CIFAR, ["train", "test"])
    write_cifar("cifar10", tmp_path, by_class(CIFAR), monkeypatch)
    by_file = animals("folder:files", tmp_path, "cifar10")
    assert by_file.digest == animals("cifar10", tmp_path).digest


def test_another_seed_takes_other_images_but_never_across_the_split(tmp_path: Path) -> None:
    write_hub(tmp_path / "hub", CIFAR, train=["train.parquet"], val="test.parquet")
    images = CIFAR.train[0], CIFAR.train[1]
    write_parquet(tmp_path / "one.parquet", [encoded(i) for i in images[0]], pa.array(images[1]))
    for reference in ("parquet:hub", "parquet:one.parquet"):
        spec = TaskSpec(name="a", dataset=reference, train=20, val=20)
        dataset = datasets.read(reference, tmp_path, known_as="cifar10")
        drawn = [make_task(spec.model_copy(update={"seed": s}), dataset) for s in (0, 1, 2)]
        train, val = (
            [{i.tobytes() for i in getattr(t, p).images} for t in drawn] for p in ("train", "val")
        )
        assert len({frozenset(s) for s in train}) == 3
        assert not set.union(*train) & set.union(*val)
        assert make_task(spec, dataset).digest == drawn[0].digest


@for_each("spelled", ["ankle_boot", "ANKLE BOOT", "Ankle boot"])
def test_classes_of_a_known_data_set_get_its_numbers_and_spelling(
    spelled: str, tmp_path: Path
) -> None:
    content = made((spelled, "bag", "dress"), (4, 4, 1))
    write_folder(tmp_path / "some", content, ["train", "test"])
    dataset = datasets.read("folder:some", tmp_path, known_as="fashion-mnist")
    assert dataset.class_names == ("Dress", "Bag", "Ankle boot")
    first = next(dataset.train.images.decode(np.array([0])))
    row = next(
        i for i, image in enumerate(content.train[0]) if np.array_equal(image[..., 0], first[0])
    )
    written = content.names[content.train[1][row]]
    assert dataset.class_names[dataset.train.labels[0]].lower()[:3] == written.lower()[:3]


def test_numbers_without_names_are_those_of_the_known_data_set(tmp_path: Path) -> None:
    write_idx(tmp_path / "idx", made("abcdefghij", (4, 4, 1)))
    assert datasets.read("idx:idx", tmp_path).class_names == tuple("0123456789")
    known = datasets.read("idx:idx", tmp_path, known_as="fashion-mnist")
    assert known.class_names == CLASS_NAMES["fashion-mnist"]


def test_classes_that_the_known_data_set_does_not_have_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path / "some", made(("cat", "cow"), (4, 4, 1)), [""])
    with pytest.raises(DataError, match="^folder:some: class 'cow' is none of cifar10, which has"):
        datasets.read("folder:some", tmp_path, known_as="cifar10")


@for_each(("label", "known_as"), [(-1, None), (10, "cifar10"), (255, "fashion-mnist")])
def test_a_label_outside_the_class_list_is_told_with_file_and_row(
    label: int, known_as: str | None, tmp_path: Path
) -> None:
    cells = [encoded(image) for image in CIFAR.train[0][:8]]
    labels = pa.array([0, 1, 2, 3, 4, 5, label, 7])
    write_parquet(tmp_path / "some", cells, labels)
    with pytest.raises(DataError, match=rf"some row 6: label {label}( is outside|, but)"):
        datasets.read("parquet:some", tmp_path, known_as=known_as)


def test_a_class_without_images_is_told_when_a_task_wants_it(tmp_path: Path) -> None:
    write_folder(tmp_path / "some", made(("ant", "bee"), (4, 4, 1)), ["train", "val"])
    (tmp_path / "some" / "train" / "cow").mkdir()
    dataset = datasets.read("folder:some", tmp_path)
    make_task(TaskSpec(name="a", dataset="folder:some", classes=("ant", "bee")), dataset)
    with pytest.raises(DataError, match="'a': class 'cow' of folder:some has no images for train"):
        make_task(TaskSpec(name="a", dataset="folder:some"), dataset)


def test_nothing_is_decoded_before_the_counts_are_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = datasets.read("digits", tmp_path)
    monkeypatch.setattr(ArrayImages, "decode", lambda *_: pytest.fail("an image was decoded"))
    for wrong in ({"train": 10_000}, {"val": 10_000}, {"classes": ("x",)}):
        with pytest.raises(DataError):
            make_task(TaskSpec(name="a", dataset="digits", **wrong), dataset)


@for_each("reference", ["parquet:hub", "npz:a.npz"])
def test_a_declared_name_without_any_image_is_no_class_of_a_task_that_names_none(
    reference: str, tmp_path: Path
) -> None:
    some = made(("bird", "cat", "dog"), (4, 4, 3), per_class=6)
    (images, labels), (others, targets) = some.train, some.val
    some = replace(
        some,
        train=(images[labels != 1], labels[labels != 1]),
        val=(others[targets != 1], targets[targets != 1]),
    )
    write_hub(tmp_path / "hub", some, train=["train.parquet"], val="test.parquet")
    arrays = {"x_train": some.train[0], "y_train": some.train[1], "x_test": some.val[0]}
    write_npz(tmp_path / "a.npz", **arrays, y_test=some.val[1], class_names=np.array(some.names))
    dataset = datasets.read(reference, tmp_path)
    task = make_task(TaskSpec(name="a", dataset=reference), dataset)
    named = make_task(TaskSpec(name="a", dataset=reference, classes=("bird", "dog")), dataset)
    assert [c.split("/")[1] for c in task.classes] == ["bird", "dog"]
    assert task.digest == named.digest
    assert dataset.numbers == (0, 1, 2)
    assert "No image for training: 1 class (cat)." in account_lines([task])[1]


def test_a_class_with_images_in_one_part_alone_is_refused(tmp_path: Path) -> None:
    some = made(("bird", "cat"), (4, 4, 3), per_class=6)
    images, labels = some.val
    some = replace(some, val=(images[labels == 0], labels[labels == 0]))
    write_hub(tmp_path / "hub", some, train=["train.parquet"], val="test.parquet")
    with pytest.raises(DataError, match="class 'cat' of parquet:hub has no images for val"):
        make_task(TaskSpec(name="a", dataset="parquet:hub"), datasets.read("parquet:hub", tmp_path))


def test_negative_numbers_are_refused_with_what_to_write_instead(tmp_path: Path) -> None:
    images, labels = made(("no", "yes"), (4, 4, 3)).train
    write_parquet(tmp_path / "a.parquet", [encoded(i) for i in images], pa.array(labels * 2 - 1))
    said = r"begin at 0; write 0 to 1 for the 2 numbers there are \(-1, 1\), or names as text"
    with pytest.raises(DataError, match=said):
        datasets.read("parquet:a.parquet", tmp_path)

"""What every reader promises, whatever the files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import sklearn.datasets

from raytd.errors import DataError
from raytd.tasks.datasets import read
from raytd.tasks.readers.contract import Content, Split
from raytd.tasks.references import find, read_content
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import make_task
from raytd.tasks.vocabulary import CLASS_NAMES
from tests.tasks.formats import (
    Made,
    by_class,
    encoded,
    made,
    write_cifar,
    write_folder,
    write_hub,
    write_idx,
    write_idx_gz,
    write_npz,
    write_parquet,
)

GREY = made(CLASS_NAMES["fashion-mnist"], (9, 7, 1))
COLOUR = made(("ant", "bee", "cow"), (6, 8, 3), per_class=7)
TINY = {
    name: made(CLASS_NAMES[name], (32, 32, 3), per_class=5 if name == "cifar10" else 2)
    for name in ("cifar10", "cifar100")
}


def numbered(content: Made) -> Made:
    return Made(tuple(map(str, range(len(content.names)))), content.train, content.val)


def digits(root: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    bunch = sklearn.datasets.load_digits()
    images = (bunch.images * 15).astype(np.uint8)[..., None]
    return Made(CLASS_NAMES["digits"], (images, bunch.target), (images[:0], bunch.target[:0]))


def fashion(root: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    write_idx(root / "FashionMNIST" / "raw", GREY)
    return GREY


def idx(root: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    write_idx_gz(root / "data", GREY)
    return numbered(GREY)


def cifar10(root: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    write_cifar("cifar10", root, TINY["cifar10"], monkeypatch)
    return TINY["cifar10"]


def cifar100(root: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    write_cifar("cifar100", root, TINY["cifar100"], monkeypatch)
    return TINY["cifar100"]


def cifar10_parquet(root: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    files = [f"train-0000{i}-of-00002.parquet" for i in range(2)]
    write_hub(root / "cifar10", TINY["cifar10"], train=files, val="test-00000-of-00001.parquet")
    return TINY["cifar10"]


def hub_folders(root: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    files = [f"train/{i:04}.parquet" for i in range(3)]
    write_hub(root / "data", COLOUR, train=files, val="validation/0000.parquet")
    write_hub(root / "other", made(COLOUR.names, (6, 8, 3), seed=9), train=["a"], val="b")
    (root / "other" / "b").rename(root / "data" / "test-0.parquet")
    return COLOUR


def one_file_of_plain_bytes_and_text(root: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    images, labels = COLOUR.train
    cells = [encoded(image, "BMP") for image in images]
    words = pa.array([COLOUR.names[label] for label in labels]).dictionary_encode()
    write_parquet(root / "data", cells, words, plain=True)
    return Made(COLOUR.names, COLOUR.train, (images[:0], labels[:0]))


def flat_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    write_folder(root / "data", COLOUR, [""])
    images, labels = COLOUR.train
    return by_class(Made(COLOUR.names, COLOUR.train, (images[:0], labels[:0])))


def folder_with_parts(root: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    write_folder(root / "data", COLOUR, ["train", "val"])
    return by_class(COLOUR)


def keras_npz(root: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    (x_train, y_train), (x_test, y_test) = GREY.train, GREY.val
    arrays = {"x_train": x_train[..., 0], "x_test": x_test[..., 0]}
    write_npz(root / "data.npz", **arrays, y_train=y_train, y_test=y_test)
    (root / "data.npz").rename(root / "data")
    return numbered(GREY)


def medmnist_npz(root: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    (x, y), (x_val, y_val) = COLOUR.train, COLOUR.val
    names = {"class_names": np.array(COLOUR.names), "test_images": x[:1], "test_labels": y[:1]}
    arrays = {"train_images": x.transpose(0, 3, 1, 2), "val_images": x_val.transpose(0, 3, 1, 2)}
    labels = {"train_labels": y[:, None].astype(np.uint8), "val_labels": y_val[:, None]}
    write_npz(root / "data.npz", **arrays, **labels, **names)
    (root / "data.npz").rename(root / "data")
    return COLOUR


@dataclass(frozen=True)
class Case:
    """A reference, and what writes the files for it."""

    reference: str
    write: Callable[[Path, pytest.MonkeyPatch], Made]


CASES = [
    Case("digits", digits),
    Case("fashion-mnist", fashion),
    Case("idx:data", idx),
    Case("cifar10", cifar10),
    Case("cifar100", cifar100),
    Case("cifar10", cifar10_parquet),
    Case("parquet:data", hub_folders),
    Case("parquet:data", one_file_of_plain_bytes_and_text),
    Case("folder:data", flat_folder),
    Case("folder:data", folder_with_parts),
    Case("npz:data", keras_npz),
    Case("npz:data", medmnist_npz),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.write.__name__)
class TestEveryReader:
    @pytest.fixture
    def truth(self, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
        return case.write(tmp_path, monkeypatch)

    @pytest.fixture
    def content(self, case: Case, truth: Made, tmp_path: Path) -> Content:
        return read_content(case.reference, tmp_path)

    @pytest.fixture
    def parts(self, content: Content, truth: Made) -> list[tuple[Split, np.ndarray, np.ndarray]]:
        found = [(content.train, *truth.train)]
        assert (content.val is None) == (len(truth.val[1]) == 0)
        return found if content.val is None else [*found, (content.val, *truth.val)]

    def test_labels_classes_and_images_are_those_written_and_rows_have_places(
        self,
        case: Case,
        content: Content,
        truth: Made,
        parts: list[tuple[Split, np.ndarray, np.ndarray]],
        tmp_path: Path,
    ) -> None:
        assert find(case.reference, tmp_path) is not None
        assert content.class_names in (truth.names, None)
        assert read(case.reference, tmp_path).class_names == truth.names
        for split, images, labels in parts:
            assert split.labels.dtype == np.int64
            np.testing.assert_array_equal(split.labels, labels)
            every = np.arange(len(labels))
            for rows in (every, [0], [len(labels) - 1], range(1, len(labels), 7), [2, 3, 4]):
                decoded = list(split.images.decode(np.array(rows)))
                assert {image.dtype for image in decoded} == {np.dtype(np.uint8)}
                np.testing.assert_array_equal(
                    np.stack(decoded), images[list(rows)].transpose(0, 3, 1, 2)
                )
            assert list(split.images.decode(np.zeros(0, np.int64))) == []
        places = [split.images.place(row) for split, _, y in parts for row in range(len(y))]
        assert len(set(places)) == len(places)
        assert not any("\n" in place for place in places)

    def test_what_is_not_there_is_told_in_one_line_with_its_place(
        self, case: Case, tmp_path: Path
    ) -> None:
        nowhere = tmp_path / "nowhere"
        if find(case.reference, nowhere) is not None:
            pytest.skip(f"{case.reference} is on this machine")
        with pytest.raises(DataError) as error:
            read_content(case.reference, nowhere)
        assert str(error.value).startswith(f"{case.reference}: not ")
        assert str(nowhere) in str(error.value)
        assert "\n" not in str(error.value)
        assert not nowhere.exists()

    def test_a_task_of_all_classes_can_be_cut(
        self, case: Case, truth: Made, tmp_path: Path
    ) -> None:
        n = len(truth.names)
        spec = TaskSpec(name="all", dataset=case.reference, train=2 * n, val=n)
        task = make_task(spec, read(case.reference, tmp_path))
        assert np.bincount(task.train.labels).tolist() == [2] * n
        assert np.bincount(task.val.labels).tolist() == [1] * n
        written = {
            image.transpose(2, 0, 1).tobytes(): label
            for images, labels in (truth.train, truth.val)
            for image, label in zip(images, labels, strict=True)
        }
        for part in (task.train, task.val):
            assert [written[image.tobytes()] for image in part.images] == part.labels.tolist()

"""Labels of archives are taken in every form in which those of Parquet are."""

from pathlib import Path

import numpy as np
import pytest

from raytd.errors import DataError
from raytd.tasks.readers.npz import read
from tests.cases import for_each
from tests.tasks.formats import write_npz

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 4), dtype=np.uint8)
LABELS = np.array([0, 1, 1, 0, 0, 1])


def archive(root: Path, **arrays: np.ndarray) -> Path:
    write_npz(root / "a.npz", images=IMAGES, **arrays)
    return root / "a.npz"


@for_each("kind", ["float64", "float32", "bool", "uint8"])
def test_labels_may_be_whole_numbers_of_any_type(kind: str, tmp_path: Path) -> None:
    content = read(archive(tmp_path, labels=LABELS.astype(kind)))
    assert content.train.labels.tolist() == LABELS.tolist()
    assert content.train.labels.dtype == np.int64
    assert content.class_names is None
    assert len(content.notes) == (kind != "uint8")
    assert all(note.startswith(f"Array 'labels' is {kind}: ") for note in content.notes)


@for_each("wrong", [0.5, np.nan, np.inf])
def test_labels_with_fractions_are_refused(wrong: float, tmp_path: Path) -> None:
    labels = np.array([0, 1, wrong, 0, 0, 1])
    with pytest.raises(
        DataError, match=r"row 2: label .* in labels is not a whole number up to 9007199254740992$"
    ):
        read(archive(tmp_path, labels=labels))


def test_labels_as_text_name_the_classes_of_all_parts(tmp_path: Path) -> None:
    words, others = np.array(["cat", "ant"])[LABELS], np.array(["emu", "cat"])[LABELS]
    arrays = {"x_train": IMAGES, "y_train": words, "x_test": IMAGES, "y_test": others}
    write_npz(tmp_path / "a.npz", **arrays)
    content = read(tmp_path / "a.npz")
    assert content.class_names == ("ant", "cat", "emu")
    assert content.train.labels.tolist() == [1, 0, 0, 1, 1, 0]
    assert content.val is not None
    assert content.val.labels.tolist() == [2, 1, 1, 2, 2, 1]


def test_labels_as_text_are_numbered_in_the_order_of_the_class_names(tmp_path: Path) -> None:
    words, names = np.array(["cat", "ant"])[LABELS], np.array(["cat", "bee", "ant"])
    content = read(archive(tmp_path, labels=words, class_names=names))
    assert content.class_names == ("cat", "bee", "ant")
    assert content.train.labels.tolist() == (LABELS * 2).tolist()
    with pytest.raises(DataError, match="row 0: label 'cat' is none of the class names"):
        read(archive(tmp_path, labels=words, class_names=names[1:]))


def test_one_hot_labels_are_refused_with_the_way_out(tmp_path: Path) -> None:
    path = archive(tmp_path, labels=np.eye(2)[LABELS])
    with pytest.raises(DataError, match=r"labels has shape \(6, 2\); .* labels.argmax\(axis=1\)"):
        read(path)
    assert len(read(archive(tmp_path, labels=LABELS[:, None])).train.labels) == 6

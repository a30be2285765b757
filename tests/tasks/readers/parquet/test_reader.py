"""Which part a Parquet file is, which columns are read, and which class a label names."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from raytd.errors import DataError
from raytd.tasks.datasets import read as read_dataset
from raytd.tasks.readers.contract import Content
from raytd.tasks.readers.parquet.reader import ParquetImages, read
from tests.cases import for_each
from tests.tasks.formats import encoded, write_parquet

IMAGES = [encoded(np.full((4, 4, 1), level, np.uint8)) for level in range(12)]
"""The level of an image says which it is."""


def put(root: Path, *files: str, n: int = 4) -> None:
    for file in files:
        write_parquet(root / file, IMAGES[:n], pa.array([0, 1] * (n // 2)))


def files_of(content: Content, root: Path) -> dict[str, list[str]]:
    """The files of each part that is read."""
    splits = [split for split in (content.train, content.val) if split is not None]
    found = {}
    for split in splits:
        assert isinstance(split.images, ParquetImages)
        found[split.part] = [f.relative_to(root).as_posix() for f, _ in split.images.files]
    return found


@for_each(
    ("train", "test"),
    [
        ("shapes_train.parquet", "shapes_test.parquet"),
        ("x_train.parquet", "x_test.parquet"),
        ("data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"),
        ("train/0000.parquet", "test/0000.parquet"),
        ("mnist/train/a.parquet", "mnist/eval/a.parquet"),
        ("my.training.set.parquet", "my.testing.set.parquet"),
        ("train1.parquet", "TEST 2.parquet"),
        ("latest_train.parquet", "latest_evaluation.parquet"),
    ],
)
def test_a_part_is_known_by_a_word_anywhere_in_its_path(
    train: str, test: str, tmp_path: Path
) -> None:
    put(tmp_path, train, test)
    content = read(tmp_path)
    assert files_of(content, tmp_path) == {"train": [train], "test": [test]}
    assert content.notes == ()


def test_files_whose_path_names_no_part_are_left_out_where_others_name_one(tmp_path: Path) -> None:
    put(tmp_path, "train-0.parquet", "test-0.parquet", "extra-0.parquet", "latest.parquet")
    content = read(tmp_path)
    assert files_of(content, tmp_path) == {"train": ["train-0.parquet"], "test": ["test-0.parquet"]}
    assert content.notes == (
        "Files whose path names no part are left out: 2 (extra-0.parquet, latest.parquet).",
    )


def test_files_of_which_none_names_a_part_are_one_pool(tmp_path: Path) -> None:
    put(tmp_path, "fold_0/a.parquet", "fold_1/a.parquet")
    content = read(tmp_path)
    assert content.val is None
    assert files_of(content, tmp_path) == {"": ["fold_0/a.parquet", "fold_1/a.parquet"]}
    assert content.notes == ("No name says train, validation or test: all 2 files are one pool.",)


def test_a_single_file_is_a_pool_whatever_its_name(tmp_path: Path) -> None:
    put(tmp_path, "test.parquet")
    content = read(tmp_path / "test.parquet")
    assert content.val is None
    assert content.train.part == ""


def test_of_three_parts_the_one_that_is_not_read_is_said(tmp_path: Path) -> None:
    put(tmp_path, "train.parquet", "val.parquet", "test.parquet")
    content = read(tmp_path)
    assert list(files_of(content, tmp_path)) == ["train", "validation"]
    assert content.notes == ("The test part is left out: there is one for validation.",)


def test_files_whose_paths_begin_differently_are_said(tmp_path: Path) -> None:
    put(tmp_path, "2019/train.parquet", "2020/train.parquet", "test.parquet")
    content = read(tmp_path)
    assert content.train.files == 2
    assert content.notes == (
        "Files whose paths begin differently are taken together: 2019/, 2020/, ./.",
    )


def test_a_snapshot_of_the_hub_is_read_through_its_links(tmp_path: Path) -> None:
    put(tmp_path, "blobs/a", "blobs/b")
    data = tmp_path / "snapshots" / "0f3" / "data"
    data.mkdir(parents=True)
    (data.parent / "README.md").write_text("x")
    for blob, part in (("a", "train"), ("b", "test")):
        os.symlink(f"../../../blobs/{blob}", data / f"{part}-00000-of-00001.parquet")
    (tmp_path / "snapshots" / "main").symlink_to("0f3")
    for root in (data.parent, tmp_path):
        content = read(root)
        assert content.train.files == 1
        assert content.val is not None
        assert content.val.part == "test"
        assert any(".md" in note for note in content.notes)


REFUSED: dict[str, tuple[list[str], list[str]]] = {
    "a file in the folder of another part": (
        ["train/test.parquet", "train/a.parquet"],
        ["{root}/train/test.parquet: its path says both test and train",
         "write parquet:{root}/train/test.parquet"],
    ),
    "two parts in a name": (["train_val.parquet"], ["says both train and validation"]),
    "folds with parts of their own": (
        [f"fold_{f}/{part}.parquet" for f in (0, 1) for part in ("train", "val")],
        ["several data sets, each with parts of its own (fold_0/, fold_1/)",
         "write parquet:{root}/fold_0 to read one"],
    ),
    "folds in one folder": (
        [f"fold{f}_{part}.parquet" for f in (0, 1) for part in ("train", "val")],
        ["(fold0_, fold1_); put the files of each into a folder"],
    ),
    "no name for the training part": (
        ["data.parquet", "test.parquet"],
        ["no Parquet file for training (found: test); if data.parquet is for training, give it"],
    ),
    "a test part alone": (["test.parquet"], ["(found: test)", "write parquet:{root}/test.parquet"]),
}  # fmt: skip


@for_each("case", REFUSED)
def test_names_that_say_two_things_are_refused_with_both(case: str, tmp_path: Path) -> None:
    files, said = REFUSED[case]
    put(tmp_path, *files)
    with pytest.raises(DataError) as error:
        read(tmp_path)
    assert "\n" not in str(error.value)
    for text in said:
        assert text.format(root=tmp_path) in str(error.value)


def test_a_pipe_among_the_files_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, "train.parquet")
    os.mkfifo(tmp_path / "test.parquet")
    content = read(tmp_path)
    assert content.val is None
    assert content.notes == ("Pipes, sockets and devices are left out: 1 (test.parquet).",)


def levels_by_name(content: Content, part: str) -> dict[str, set[int]]:
    """Which images each class has."""
    split = content.train if part == "train" else content.val
    assert split is not None
    assert content.class_names is not None
    images = split.images.decode(np.arange(len(split.labels)))
    found: dict[str, set[int]] = {}
    for label, image in zip(split.labels, images, strict=True):
        found.setdefault(content.class_names[label], set()).add(int(image[0, 0, 0]))
    return found


def test_class_names_are_those_of_each_file(tmp_path: Path) -> None:
    labels = pa.array([0, 0, 1, 1])
    write_parquet(tmp_path / "train.parquet", IMAGES[:4], labels, names=["cat", "dog"])
    write_parquet(tmp_path / "test.parquet", IMAGES[4:8], labels, names=["dog", "cat"])
    content = read(tmp_path)
    assert content.class_names == ("cat", "dog")
    assert levels_by_name(content, "train") == {"cat": {0, 1}, "dog": {2, 3}}
    assert levels_by_name(content, "val") == {"dog": {4, 5}, "cat": {6, 7}}


def test_names_in_metadata_and_names_as_text_are_the_same_classes(tmp_path: Path) -> None:
    labels = pa.array([0, 0, 1, 1])
    write_parquet(tmp_path / "train.parquet", IMAGES[:4], labels, names=["dog", "cat"])
    write_parquet(tmp_path / "test.parquet", IMAGES[4:8], pa.array(["cat", "dog", "cat", "emu"]))
    content = read(tmp_path)
    assert content.class_names == ("dog", "cat", "emu")
    assert levels_by_name(content, "train") == {"dog": {0, 1}, "cat": {2, 3}}
    assert levels_by_name(content, "val") == {"cat": {4, 6}, "dog": {5}, "emu": {7}}


@for_each("labels", [pa.array([0, 0, 1, 1]), pa.array(["a", "b", "a", "b"])])
def test_numbers_without_names_beside_a_file_with_names_are_refused(
    labels: pa.Array, tmp_path: Path
) -> None:
    names = ["cat", "dog"] if pa.types.is_integer(labels.type) else []
    write_parquet(tmp_path / "train.parquet", IMAGES[:4], labels, names=names)
    write_parquet(tmp_path / "test.parquet", IMAGES[4:8], pa.array([1, 1, 0, 0]))
    with pytest.raises(DataError, match=r"test\.parquet: labels are numbers without names, but"):
        read(tmp_path)


def test_a_label_without_a_name_in_its_own_file_is_refused(tmp_path: Path) -> None:
    labels = pa.array([0, 0, 1, 1])
    write_parquet(tmp_path / "train.parquet", IMAGES[:4], labels, names=["cat", "dog"])
    write_parquet(tmp_path / "test.parquet", IMAGES[4:8], labels, names=["dog"])
    with pytest.raises(DataError, match=r"test\.parquet row 2: label 1 is outside the class list"):
        read(tmp_path)


@for_each("names", ["ab", 5, ["a", 5], {"0": "a"}])
def test_class_names_that_are_no_list_of_texts_are_refused(names: Any, tmp_path: Path) -> None:
    import json

    features = {"label": {"_type": "ClassLabel", "names": names}}
    table = pa.table({"image": IMAGES[:2], "label": [0, 1]})
    info = json.dumps({"info": {"features": features}})
    pq.write_table(table.replace_schema_metadata({"huggingface": info}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="the class names in its metadata are not a list of texts"):
        read(tmp_path / "a.parquet")


def table(root: Path, **columns: object) -> Path:
    pq.write_table(pa.table({"image": IMAGES, **columns}), root / "a.parquet")
    return root / "a.parquet"


HALVES = [0] * 6 + [1] * 6
FOLDS = [0, 1, 2] * 4


@for_each(
    ("labels", "note"),
    [
        (pa.array(HALVES, pa.float64()), "double: its numbers, all of them whole, are the classes"),
        (pa.array(HALVES, pa.float32()), "float: its numbers, all of them whole, are the classes"),
        (pa.array(map(bool, HALVES)), "bool: false is class 0 and true is class 1"),
    ],
)
def test_a_column_called_label_of_another_type_wins_over_whole_numbers(
    labels: pa.Array, note: str, tmp_path: Path
) -> None:
    content = read(table(tmp_path, label=labels, fold=FOLDS))
    assert content.train.labels.tolist() == HALVES
    assert content.notes == (f"Column 'label' is {note}.", "Columns that are not read: fold.")


@for_each("wrong", [0.5, float("nan"), float("inf"), 1e300])
def test_labels_with_fractions_are_refused(wrong: float, tmp_path: Path) -> None:
    path = table(tmp_path, label=[0.0] * 7 + [wrong] * 5, fold=FOLDS)
    with pytest.raises(DataError, match=r"a\.parquet row 7: label .* is not a whole number up to"):
        read(path)


def test_a_column_called_label_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path, label=[[0, 1]] * 12, fold=FOLDS)
    with pytest.raises(DataError, match="column 'label' is list<.*>, which cannot be a label"):
        read(path)


@for_each(
    ("columns", "note"),
    [
        ({"fold": FOLDS}, "No column is called label: 'fold' is read, the only one that could be"),
        ({"target": FOLDS, "label": HALVES}, "Columns label, target could be the label: 'label' i"),
        ({"label": HALVES, "mask": IMAGES}, "Columns image, mask could be the image: 'image' is r"),
        ({"label": [[0]] * 12, "class": HALVES}, "Column 'label' is list<"),
    ],
)
def test_a_choice_between_columns_is_said(
    columns: dict[str, object], note: str, tmp_path: Path
) -> None:
    assert read(table(tmp_path, **columns)).notes[0].startswith(note)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    columns = pa.table([IMAGES, HALVES, FOLDS], names=["image", "label", "label"])
    pq.write_table(columns, tmp_path / "a.parquet")
    with pytest.raises(DataError, match="two columns are called 'label'; rename one"):
        read(tmp_path / "a.parquet")


def test_files_whose_labels_have_different_columns_are_refused(tmp_path: Path) -> None:
    for file, column in (("train.parquet", "label"), ("test.parquet", "target")):
        pq.write_table(pa.table({"image": IMAGES, column: HALVES}), tmp_path / file)
    with pytest.raises(DataError, match=r"the label is column 'target', but 'label' in .*train\."):
        read(tmp_path)


def test_labels_too_large_for_memory_s_numbers_are_refused(tmp_path: Path) -> None:
    path = table(tmp_path, label=pa.array([2**64 - 1] * 12, pa.uint64()))
    with pytest.raises(DataError, match="row 0: label 18446744073709551615 in column 'label' is n"):
        read_dataset(f"parquet:{path}", tmp_path)


PARTS = ["train"] * 8 + ["test"] * 4


@for_each("name", ["split", "Partition", "subset"])
@for_each("words", [PARTS, pa.array(PARTS).dictionary_encode()])
def test_a_column_that_names_several_parts_is_refused_with_both_readings(
    name: str, words: object, tmp_path: Path
) -> None:
    path = table(tmp_path, **{"label": HALVES, name: words})
    said = rf"a\.parquet: column '{name}' names several parts \(train, test\); .* drop the column"
    with pytest.raises(DataError, match=said):
        read(path)


@for_each("words", [["train"] * 12, ["train", "Training"] * 6, ["north", "south"] * 6, FOLDS])
def test_a_column_that_names_one_part_at_most_is_said_not_to_be_read(
    words: list[object], tmp_path: Path
) -> None:
    content = read(table(tmp_path, label=HALVES, split=words, id=[str(i) for i in range(12)]))
    assert content.notes == ("Columns that are not read: split, id.",)


def test_a_column_that_names_the_part_of_each_file_is_no_riddle(tmp_path: Path) -> None:
    for part in ("train", "test"):
        table(tmp_path, label=HALVES, split=[part] * 12).rename(tmp_path / f"{part}.parquet")
    assert read(tmp_path).val is not None


@for_each(
    ("files", "missing"),
    [
        (["train-00000-of-00003", "train-00002-of-00003"], "1 file missing .*train-00001-of-00003"),
        (["train-00000-of-00003-0fa1", "test-00000-of-00001-1fa3"], "2 files missing"),
        (["train-2-of-3", "train-3-of-3"], r"\(train-1-of-3\)"),
        (["00001-of-00002"], r"\(00000-of-00002\)"),
        (["train/0-of-2", "test/0-of-1"], r"\(train/1-of-2\)"),
    ],
)
def test_files_without_the_others_that_their_names_count_are_refused(
    files: list[str], missing: str, tmp_path: Path
) -> None:
    put(tmp_path, *(f"{file}.parquet" for file in files))
    with pytest.raises(DataError, match=f"{missing}.*complete the download"):
        read(tmp_path)


def test_counted_files_that_are_all_there_are_read(tmp_path: Path) -> None:
    files = [f"train-{i}-of-3.parquet" for i in (1, 2, 3)]
    put(tmp_path, *files, "val-0-of-1.parquet", "test-0-of-9.parquet")
    assert len(read(tmp_path).train.labels) == 12

"""Folders are read in the one way in which they can be meant, or refused with both."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from raytd.errors import DataError
from raytd.tasks.readers.contract import Content
from raytd.tasks.readers.folders.reader import FileImages, read
from tests.cases import for_each
from tests.tasks.formats import encoded


def put(root: Path, *folders: str, n: int = 3) -> None:
    """Small images, all different, in each folder."""
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for i in range(n):
            seed = abs(hash((folder, i))) % 2**32
            image = np.random.default_rng(seed).integers(0, 256, (4, 4, 1), dtype=np.uint8)
            (root / folder / f"{i}.png").write_bytes(encoded(image))


def paths(content: Content, part: str = "train") -> dict[str, list[str]]:
    """File names of each class."""
    split = content.train if part == "train" else content.val
    assert split is not None
    assert isinstance(split.images, FileImages)
    assert content.class_names is not None
    found: dict[str, list[str]] = {name: [] for name in content.class_names}
    for label, path in zip(split.labels, split.images.paths, strict=True):
        found[content.class_names[label]].append(path.name)
    return found


THREE = ["0.png", "1.png", "2.png"]


def test_a_folder_beside_train_and_val_is_left_out_and_said(tmp_path: Path) -> None:
    put(tmp_path, "train/cat", "train/dog", "val/cat", "val/dog", "annotations/overlays")
    content = read(tmp_path)
    assert paths(content) == paths(content, "val") == {"cat": THREE, "dog": THREE}
    assert content.notes == ("Folders beside the parts are left out: annotations.",)


@for_each(
    ("train", "val"), [("training_set", "test_set"), ("Train", "Val"), ("seg_train", "seg_test"),
                       ("train2017", "val2017")],
)  # fmt: skip
def test_parts_are_known_by_a_word_of_their_names(train: str, val: str, tmp_path: Path) -> None:
    put(tmp_path, f"{train}/cat", f"{train}/dog", f"{val}/cat", f"{val}/dog")
    content = read(tmp_path)
    assert paths(content) == paths(content, "val") == {"cat": THREE, "dog": THREE}


@for_each("names", [("train", "car", "plane"), ("train_station", "airport")])
def test_a_class_may_be_called_like_a_part_if_it_holds_images(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    put(tmp_path, *names)
    content = read(tmp_path)
    assert content.val is None
    assert paths(content) == dict.fromkeys(sorted(names), THREE)
    said = ("'train' is read as a class: it holds images itself.",) if "train" in names else ()
    assert content.notes == said


def test_a_test_folder_without_class_folders_is_left_out_and_said(tmp_path: Path) -> None:
    put(tmp_path, "train/cat", "train/dog", "test")
    content = read(tmp_path)
    assert content.val is None
    assert content.notes == ("Part folders without class folders are left out: test.",)


def test_a_training_part_alone_may_stand_beside_a_folder_without_images(tmp_path: Path) -> None:
    put(tmp_path, "train/cat", "train/dog")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.xml").write_text("<a/>")
    assert paths(read(tmp_path)) == {"cat": THREE, "dog": THREE}


def test_of_three_parts_the_one_that_is_not_read_is_said(tmp_path: Path) -> None:
    put(tmp_path, *(f"{part}/{c}" for part in ("train", "val", "test") for c in ("cat", "dog")))
    content = read(tmp_path)
    assert content.val is not None
    assert content.val.part == "validation"
    assert content.notes == ("The test part is left out: there is one for validation.",)


def test_folders_inside_a_class_belong_to_it_and_are_said(tmp_path: Path) -> None:
    put(tmp_path, "cat/indoor", "cat/outdoor", "dog/a")
    content = read(tmp_path)
    assert {name: len(files) for name, files in paths(content).items()} == {"cat": 6, "dog": 3}
    assert content.notes == (
        "Folders inside class folders belong to the class: cat/indoor, cat/outdoor, dog/a.",
    )


def test_one_folder_in_each_class_is_no_riddle(tmp_path: Path) -> None:
    put(tmp_path, *(f"{part}/{c}/images" for part in ("train", "val") for c in ("cat", "dog")))
    content = read(tmp_path)
    assert paths(content) == paths(content, "val") == {"cat": THREE, "dog": THREE}
    said = "Folders inside class folders belong to the class: cat/images, dog/images."
    assert content.notes == (said,)


def test_folders_in_the_one_class_of_a_validation_part_are_no_riddle(tmp_path: Path) -> None:
    put(tmp_path, "train/cat", "train/dog", "val/cat/in", "val/cat/out")
    assert {n: len(f) for n, f in paths(read(tmp_path), "val").items()} == {"cat": 6, "dog": 0}


@for_each("empty", ["val", "val/cat"])
def test_a_part_without_any_image_is_said(empty: str, tmp_path: Path) -> None:
    put(tmp_path, "train/cat", "train/dog")
    (tmp_path / empty).mkdir(parents=True)
    content = read(tmp_path)
    assert content.val is None
    assert content.notes == ("Part folders without any image are left out: val.",)


REFUSED: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "parts inside of classes": (
        ["cat/train", "cat/val", "dog/train", "dog/val"],
        ["named after parts (cat/train, cat/val)", "put the parts above them", "folder:{root}/cat"],
    ),
    "the same folders everywhere": (
        ["cat/in", "cat/out", "dog/in", "dog/out"],
        ["every folder holds the same folders (in, out)", "if cat, dog are the classes",
         "if in, out are"],
    ),
    "one folder too high": (
        ["pets/cat", "pets/dog"],
        ["the only folder with images is 'pets'", "(cat, dog), write folder:{root}/pets;"],
    ),
    "one folder too low in every part": (
        ["train/images/cat", "train/images/dog", "test/images/cat", "test/images/dog"],
        ["{root}/train: the only folder with images is 'images'",
         "inside (cat, dog), move them up into 'train', in every part",
         "write folder:{root}/train/images;", "if 'images' is the only class"],
    ),
    "one folder too low in the only part": (
        ["train/images/cat", "train/images/dog"], ["move them up into 'train'"],
    ),
    "one folder too low in the test part": (
        ["train/cat", "train/dog", "test/test/cat", "test/test/dog"],
        ["{root}/test: the only folder with images is 'test'", "move them up into 'test'"],
    ),
    "parts that are folders in themselves": (
        ["training_set/training_set/cat", "training_set/training_set/dog", "test_set/test_set/cat",
         "test_set/test_set/dog"],
        ["inside (cat, dog), move them up into 'training_set', in every part"],
    ),
    "the same folders everywhere in a part": (
        ["train/images/cat", "train/images/dog", "train/thumbnails/cat", "train/thumbnails/dog"],
        ["{root}/train: every folder holds the same folders (cat, dog)", "if images, thumbnails",
         "write folder:{root}/train/images"],
    ),
    "two folders too high": (
        ["archive/pets/cat", "archive/pets/dog"],
        ["the only folder with images is 'archive'", "write folder:{root}/archive/pets;"],
    ),
    "parts one folder too high": (
        ["pets/train/cat", "pets/test/cat"],
        ["(test, train), write folder:{root}/pets;"],
    ),
    "train beside a class": (
        ["train/cat", "train/dog", "other"],
        ["'train' could be the training part or a class beside other",
         "write folder:{root}/train", "below a folder train"],
    ),
    "parts that hold images": (
        ["train", "val"],
        ["train, val hold images and no class folders", "(train/cat)", "(train/train)"],
    ),
    "parts that hold images beside a class": (
        ["train", "test", "car"],
        ["test, train hold images and no class folders"],
    ),
    "a test part alone": (
        ["test/cat", "test/dog"],
        ["no folder for training beside test", "write folder:{root}/test", "if 'test' is a class"],
    ),
    "a test part beside images for training without classes": (
        ["train", "test/cat", "test/dog"],
        ["'train' has no class folders with images, but test has", "write folder:{root}/test"],
    ),
    "two folders for one part": (
        ["train/cat", "val/cat", "valid/cat"],
        ["'val' and 'valid' could both be the validation part"],
    ),
    "one folder for two parts": (
        ["train-val/cat", "train-val/dog"],
        ["train-val: the folder could be the train or the validation part"],
    ),
    "classes for validation alone": (
        ["train/cat", "train/dog", "val/cat", "val/cow", "val/emu"],
        ["val/cow: there is no class 'cow' for training (nor for emu)", "folder:{root}/train"],
    ),
}  # fmt: skip


@for_each("case", REFUSED)
def test_what_could_mean_two_things_is_refused_with_both_in_one_line(
    case: str, tmp_path: Path
) -> None:
    folders, said = REFUSED[case]
    put(tmp_path, *folders)
    with pytest.raises(DataError) as error:
        read(tmp_path)
    assert "\n" not in str(error.value)
    for text in said:
        assert text.format(root=tmp_path) in str(error.value)


def test_a_refused_reading_can_be_asked_for_as_the_message_says(tmp_path: Path) -> None:
    put(tmp_path, "cat/in", "cat/out", "dog/in", "dog/out")
    with pytest.raises(DataError, match=f"write folder:{tmp_path}/cat for one"):
        read(tmp_path)
    assert list(paths(read(tmp_path / "cat"))) == ["in", "out"]
    for name in ("cat", "dog"):
        for inner in ("in", "out"):
            for file in (tmp_path / name / inner).iterdir():
                file.rename(tmp_path / name / f"{inner}-{file.name}")
    assert {n: len(f) for n, f in paths(read(tmp_path)).items()} == {"cat": 6, "dog": 6}

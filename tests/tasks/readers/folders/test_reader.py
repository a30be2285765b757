"""What lies in folders beside images is passed over and said; links are followed."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raytd.errors import DataError
from raytd.tasks.datasets import read as read_dataset
from raytd.tasks.readers.folders.reader import read
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import make_task
from tests.cases import for_each
from tests.tasks.formats import encoded
from tests.tasks.readers.folders.test_layout import THREE, paths, put


def cats_and_dogs(root: Path) -> Path:
    put(root / "pets", "cat", "dog")
    return root / "pets"


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return cats_and_dogs(tmp_path)


@for_each("hidden", [".ipynb_checkpoints", "__MACOSX", "@eaDir", "sub/.git", "sub/sub/Thumbs.db"])
def test_hidden_folders_at_any_depth_are_left_out_and_said(hidden: str, tmp_path: Path) -> None:
    pets = cats_and_dogs(tmp_path)
    put(pets, f"cat/{hidden}")
    content = read(pets)
    assert paths(content) == {"cat": THREE, "dog": THREE}
    assert content.notes == (f"Hidden files and folders are left out: 1 (cat/{hidden}).",)


def test_what_an_archive_leaves_beside_classes_is_no_class(pets: Path) -> None:
    put(pets, "__MACOSX/cat")
    (pets / ".DS_Store").write_bytes(b"x")
    (pets / "cat" / "._0.png").write_bytes(b"x")
    content = read(pets)
    assert paths(content) == {"cat": THREE, "dog": THREE}
    assert content.notes == (
        "Hidden files and folders are left out: 3 (.DS_Store, __MACOSX, cat/._0.png).",
    )


@for_each(
    ("ending", "kind"),
    [(".jfif", "JPEG"), (".jpe", "JPEG"), (".JPG", "JPEG"), (".apng", "PNG"), (".pnm", "PPM"),
     (".TIF", "TIFF"), (".webp", "WEBP"), (".bmp", "BMP"), (".gif", "GIF")],
)  # fmt: skip
def test_every_ending_of_a_format_that_is_decoded_is_read(
    ending: str, kind: str, tmp_path: Path
) -> None:
    pets = cats_and_dogs(tmp_path)
    image = np.zeros((4, 4, 1), np.uint8)
    (pets / "cat" / f"more{ending}").write_bytes(encoded(image, kind))
    content = read(pets)
    assert paths(content)["cat"] == [*THREE, f"more{ending}"]
    assert content.notes == ()


def test_files_with_other_endings_are_counted_by_ending(pets: Path) -> None:
    for name in ("cat/a.txt", "cat/b.TXT", "dog/a.heic", "dog/README", "labels.csv"):
        (pets / name).write_text("x")
    (note,) = read(pets).notes
    assert note == (
        "Files with other endings are left out: 2 .txt (cat/a.txt), 1 .csv (labels.csv), "
        "1 without ending (dog/README), 1 .heic (dog/a.heic)."
    )


def test_images_outside_of_class_folders_are_said(pets: Path) -> None:
    (pets / "stray.png").write_bytes(encoded(np.zeros((4, 4, 1), np.uint8)))
    assert read(pets).notes == ("Images outside of class folders are left out: 1 (stray.png).",)


def test_a_linked_folder_is_followed(pets: Path, tmp_path: Path) -> None:
    put(tmp_path, "store/cat")
    os.symlink(tmp_path / "store" / "cat", pets / "cat" / "more")
    assert paths(read(pets))["cat"] == [*THREE, *THREE]


def test_what_links_reach_a_second_time_counts_once(pets: Path) -> None:
    os.symlink("0.png", pets / "cat" / "again.png")
    os.symlink(".", pets / "cat" / "loop")
    os.symlink("../dog", pets / "dog" / "loop")
    os.symlink("ring", pets / "dog" / "ring")
    content = read(pets)
    assert paths(content) == {"cat": THREE, "dog": THREE}
    assert content.notes == (
        "Files and folders that links reach a second time are left out: 3 "
        "(cat/loop, dog/loop, cat/again.png).",
        "Links that lead nowhere are left out: 1 (dog/ring).",
    )


def test_one_file_in_two_classes_is_refused(pets: Path) -> None:
    os.symlink("../cat/0.png", pets / "dog" / "again.png")
    with pytest.raises(DataError, match=r"cat/0\.png and dog/again\.png are one file through a li"):
        read(pets)


def test_one_file_in_two_parts_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "train/cat", "train/dog")
    os.symlink("train", tmp_path / "val")
    with pytest.raises(DataError, match=r"in two classes or two parts \(6 such files\)"):
        read(tmp_path)


def test_pipes_sockets_and_broken_links_are_left_out_and_do_not_hang(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(pets / "cat" / "pipe.png")
    os.symlink("nowhere", pets / "dog" / "gone.png")
    monkeypatch.chdir(pets / "dog")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
        content = read(pets)
    assert paths(content) == {"cat": THREE, "dog": THREE}
    assert content.notes == (
        "Pipes, sockets and devices are left out: 2 (cat/pipe.png, dog/socket.png).",
        "Links that lead nowhere are left out: 1 (dog/gone.png).",
    )


@for_each("kind", ["folder", "npz", "parquet", "idx"])
def test_a_reference_to_a_pipe_is_refused(kind: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe: neither a file nor a folder"):
        read_dataset(f"{kind}:pipe", tmp_path)


def whole(root: Path) -> None:
    make_task(TaskSpec(name="t", dataset="folder:pets"), read_dataset("folder:pets", root))


def test_all_empty_files_are_said_at_once(pets: Path, tmp_path: Path) -> None:
    for name in ("cat/0.png", "cat/b.png", "dog/a.png", "dog/b.png", "dog/c.png"):
        (pets / name).write_bytes(b"")
    with pytest.raises(DataError) as error:
        whole(tmp_path)
    assert "cat/0.png (empty), " in str(error.value)
    assert "and 2 more: 5 image files cannot be read" in str(error.value)


def test_all_classes_without_images_are_said_at_once_with_what_was_left_out(
    pets: Path, tmp_path: Path
) -> None:
    for name in ("emu", "fox"):
        (pets / name).mkdir()
        (pets / name / "a.heic").write_bytes(b"x")
    with pytest.raises(DataError) as error:
        whole(tmp_path)
    assert str(error.value) == (
        "task 't': classes 'emu', 'fox' of folder:pets have no images for train; choose "
        "others with classes: [...], or add images "
        "(Files with other endings are left out: 2 .heic (emu/a.heic).)"
    )


def test_a_class_folder_whose_name_is_no_text_is_refused(pets: Path) -> None:
    os.mkdir(os.fsencode(pets) + b"/caf\xe9")
    with pytest.raises(DataError, match=r"caf\\xe9: the folder's name is not UTF-8"):
        read(pets)


def test_names_that_would_break_a_line_do_not(pets: Path) -> None:
    (pets / "cat" / "a\nb.txt").write_text("x")
    (note,) = read(pets).notes
    assert r"cat/a\nb.txt" in note


def test_the_endings_are_those_that_pillow_registers() -> None:
    from raytd.tasks.readers.encoded import FORMATS, endings

    Image.init()
    known = Image.registered_extensions()
    assert {known[ending] for ending in endings()} == set(FORMATS)
    assert not {".txt", ".heic", ".jp2", ".pdf", ".eps"} & endings()


def test_all_folders_that_cannot_be_looked_into_are_said_at_once(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may look into every folder, so the system's answer is made up."""
    scandir = os.scandir

    def refusing(path: Path) -> object:
        if path != pets:
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(DataError, match=r"pets: cannot look into cat, dog \(Permission denied\)"):
        read(pets)

"""What was read is said once for each data set, with what was not."""

from dataclasses import replace
from pathlib import Path

from raytd.tasks import datasets
from raytd.tasks.account import account_lines, accounts_of
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import Task, make_task
from tests.cases import for_each
from tests.tasks.formats import made, write_folder, write_idx, write_idx_gz, write_npz

PETS = made(("ant", "bee"), (4, 4, 1), per_class=3)


def whole(reference: str, root: Path) -> Task:
    return make_task(TaskSpec(name="t", dataset=reference), datasets.read(reference, root))


def test_each_part_is_counted_in_files_images_and_classes(tmp_path: Path) -> None:
    write_folder(tmp_path / "pets", PETS, ["train", "test"])
    (account,) = accounts_of([whole("folder:pets", tmp_path)])
    assert account["reference"] == "folder:pets"
    assert account["place"] == str(tmp_path / "pets")
    counts = {"files": 6, "images": 6, "classes": 2, "without": ()}
    assert account["train"] == {"part": "train", **counts}
    assert account["val"] == {"part": "test", **counts}
    assert account["said"] == (
        "folder:pets: 6 images of 2 classes in 6 files for training; "
        "6 images of 2 classes in 6 files for validation (test)"
    )


def test_what_is_held_back_for_validation_is_said(tmp_path: Path) -> None:
    write_folder(tmp_path / "pets", PETS, [""])
    (line,) = account_lines([whole("folder:pets", tmp_path)])
    assert line == (
        "folder:pets: 6 images of 2 classes in 6 files; "
        "a third of each class is held back for validation"
    )


def test_a_known_data_set_is_said_with_its_place(tmp_path: Path) -> None:
    write_idx(tmp_path / "fashion-mnist", made([str(c) for c in range(10)], (4, 4, 1)))
    (line,) = account_lines([whole("fashion-mnist", tmp_path)])
    assert line.startswith(f"fashion-mnist ({tmp_path / 'fashion-mnist'}): 60 images of 10 ")


@for_each("shared", [("read",), ()])
def test_two_tasks_of_one_data_set_are_one_account_with_the_notes_of_both(
    shared: tuple[str, ...], tmp_path: Path
) -> None:
    write_folder(tmp_path / "pets", PETS, [""])
    task = whole("folder:pets", tmp_path)
    one, other = (replace(task, name=n, notes=(*shared, f"{n}'s own")) for n in ("one", "other"))
    said, *notes = account_lines([one, other])
    assert said.startswith("folder:pets: ")
    assert notes == [f"  {note}" for note in (*shared, "one's own", "other's own")]


def test_arrays_of_an_archive_that_are_not_read_are_said(tmp_path: Path) -> None:
    images, labels = PETS.train
    part = {"x_train": images, "y_train": labels, "x_val": 255 - images, "y_val": labels}
    more = {"x_test": images, "y_test": labels, "images": images, "weights": labels}
    write_npz(tmp_path / "some.npz", **part, **more)
    assert account_lines([whole("npz:some.npz", tmp_path)]) == [
        "npz:some.npz: 6 images of 2 classes in 1 file for training; "
        "6 images of 2 classes in 1 file for validation",
        "  The test part is left out: there is one for validation.",
        "  Arrays are left out: images, weights.",
    ]


def test_files_beside_the_four_of_idx_are_said(tmp_path: Path) -> None:
    write_idx(tmp_path / "some", PETS)
    write_idx_gz(tmp_path / "some", PETS)
    (tmp_path / "some" / "README").write_text("x")
    _, note = account_lines([whole("idx:some", tmp_path)])
    assert note == (
        "  Files are left out: README, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz and "
        "2 more."
    )


def test_two_data_sets_whose_classes_are_joined_by_the_ends_of_their_paths_are_said(
    tmp_path: Path,
) -> None:
    for place in ("a", "b"):
        write_folder(tmp_path / place / "pets", PETS, [""])
    tasks = [whole(f"folder:{place}/pets", tmp_path) for place in ("a", "b")]
    assert account_lines(tasks)[2:] == [
        "  Its classes pets/ant, pets/bee count as those of folder:a/pets, whose name ends alike: "
        "known_as sets data sets apart."
    ]
    apart = make_task(
        TaskSpec(name="t", dataset="folder:b/pets", known_as="others"),
        datasets.read("folder:b/pets", tmp_path, known_as="others"),
    )
    assert len(account_lines([tasks[0], apart])) == 2


def test_numbers_that_are_taken_for_a_known_data_set_s_are_said(tmp_path: Path) -> None:
    content = made([str(c) for c in range(10)], (4, 4, 1))
    write_idx(tmp_path / "fashion-mnist", content)
    _, note = account_lines([whole("idx:fashion-mnist", tmp_path)])
    assert note == "  Its class numbers are taken for those of fashion-mnist."
    assert len(account_lines([whole("fashion-mnist", tmp_path)])) == 1

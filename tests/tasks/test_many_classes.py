"""Classes cost by how many images there are, not by their numbers or by their square."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from raytd.errors import DataError
from raytd.tasks import datasets
from raytd.tasks.account import account_lines
from raytd.tasks.contact_sheet import MOST_CLASSES, contact_sheet
from raytd.tasks.datasets import Dataset
from raytd.tasks.labels import union
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import Task, make_task
from tests.cases import for_each
from tests.tasks.formats import Made, encoded, in_memory, write_idx, write_npz, write_parquet

LARGE = 2_000_000_001


def images(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 4, 4), dtype=np.uint8)


def put(kind: str, root: Path, labels: np.ndarray) -> str:
    """A data set of these labels; its reference."""
    if kind == "npz":
        write_npz(root / "some.npz", images=images(len(labels)), labels=labels)
        return "npz:some.npz"
    cells = [encoded(image[..., None]) for image in images(len(labels))]
    write_parquet(root / "some", cells, pa.array(labels))
    return "parquet:some"


@for_each("kind", ["npz", "parquet"])
def test_only_the_numbers_that_occur_are_classes(kind: str, tmp_path: Path) -> None:
    reference = put(kind, tmp_path, np.array([LARGE, 3] * 6))
    dataset = datasets.read(reference, tmp_path)
    assert dataset.class_names == ("3", str(LARGE))
    assert dataset.train.labels.tolist() == [1, 0] * 6


def test_classes_are_the_same_in_both_parts_whichever_numbers_each_has(tmp_path: Path) -> None:
    arrays = {"x_train": images(4), "y_train": np.array([70, 5, 70, 9])}
    write_npz(tmp_path / "some.npz", **arrays, x_test=255 - images(3), y_test=np.array([9, 70, 8]))
    dataset = datasets.read("npz:some.npz", tmp_path)
    assert dataset.class_names == ("5", "8", "9", "70")
    assert dataset.train.labels.tolist() == [3, 0, 3, 2]
    assert dataset.val is not None
    assert dataset.val.labels.tolist() == [2, 3, 1]
    spec = TaskSpec(name="t", dataset="npz:some.npz", classes=("9", "70"))
    assert account_lines([make_task(spec, dataset)])[1:] == [
        "  No image for training: 1 class (8).",
        "  No image for validation: 1 class (5).",
    ]


def test_a_gap_between_numbers_changes_no_other_class(tmp_path: Path) -> None:
    """Images are drawn by the number of their class, so tasks of before stay what they were."""
    content = images(40)
    for name, labels in (("full", np.arange(40) % 4), ("gap", np.arange(40) % 4)):
        keep = labels != 1 if name == "gap" else labels >= 0
        write_npz(tmp_path / name / "some.npz", images=content[keep], labels=labels[keep])
    spec = TaskSpec(name="t", dataset="npz:some.npz", classes=("2", "3"), train=8, val=4)
    drawn = [
        make_task(spec, datasets.read("npz:some.npz", tmp_path / name)) for name in ("full", "gap")
    ]
    np.testing.assert_array_equal(drawn[0].train.images, drawn[1].train.images)
    np.testing.assert_array_equal(drawn[0].val.images, drawn[1].val.images)


def test_a_label_below_zero_is_refused_with_its_row(tmp_path: Path) -> None:
    write_npz(tmp_path / "some.npz", images=images(3), labels=np.array([-1, -1, -2]))
    with pytest.raises(DataError, match="row 0: label -1, but numbers of classes begin at 0"):
        datasets.read("npz:some.npz", tmp_path)


def test_numbers_of_a_known_data_set_are_its_classes_though_some_do_not_occur(
    tmp_path: Path,
) -> None:
    part = images(3)[..., None], np.array([0, 5, 9], np.uint8)
    write_idx(tmp_path / "some", Made((), part, part))
    dataset = datasets.read("idx:some", tmp_path, known_as="fashion-mnist")
    assert len(dataset.class_names) == 10
    assert dataset.train.labels.tolist() == [0, 5, 9]
    assert datasets.read("idx:some", tmp_path).class_names == ("0", "5", "9")


SCRIPT = """
import resource, sys
from pathlib import Path
from raytd.tasks import datasets
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import make_task
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
for reference in sys.argv[2:]:
    dataset = datasets.read(reference, Path(sys.argv[1]))
    print(make_task(TaskSpec(name="t", dataset=reference), dataset).classes)
"""


def test_a_large_number_needs_no_memory(tmp_path: Path) -> None:
    references = [put(kind, tmp_path, np.array([LARGE, 3] * 6)) for kind in ("npz", "parquet")]
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), *references],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == 2 * f"('some/3', 'some/{LARGE}')\n"


def sparse(n_classes: int) -> tuple[Dataset, Task]:
    """A data set of three images in each class, and the task of all."""
    labels = np.repeat(np.arange(n_classes), 3)
    names = tuple(f"c{c}" for c in range(n_classes))
    content = images(len(labels))[:, None]
    dataset = in_memory("some", names, (content, labels))
    return dataset, make_task(TaskSpec(name="t", dataset="some"), dataset)


def work(n_classes: int) -> int:
    """How often two names of classes are compared while tasks are cut and joined."""
    compared = 0

    class Name(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

    dataset, task = sparse(n_classes)
    names = tuple(map(Name, dataset.class_names))
    named = Dataset("some", names, dataset.train, None)
    spec = TaskSpec(name="t", dataset="some").model_copy(update={"classes": names})
    whole = make_task(spec, named)
    renamed = Task("u", tuple(map(Name, task.classes)), task.train, task.val, task.mean, task.std)
    union(renamed, whole).outputs(renamed)
    return compared


def test_names_are_compared_by_the_number_of_classes_and_not_by_its_square() -> None:
    few, many = work(100), work(1000)
    assert many <= 15 * max(few, 100)


def test_the_sheet_of_many_classes_shows_the_first(tmp_path: Path) -> None:
    _, task = sparse(MOST_CLASSES + 50)
    with Image.open(io.BytesIO(contact_sheet(task))) as sheet:
        assert sheet.size[1] < 60 * MOST_CLASSES

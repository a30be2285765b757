"""What the user wrote counts where text is wanted, whatever YAML makes of it."""

from pathlib import Path

import numpy as np
import pytest

from raytd.errors import RequestError
from raytd.sweep.document.yaml_data import read_document, read_override
from raytd.sweep.file.catalogue_file import load_catalogue
from raytd.sweep.file.load import load_sweep
from raytd.sweep.file.written_names import with_texts
from raytd.sweep.folder.find import sweep_folder
from raytd.tasks.datasets import read
from raytd.tasks.task import make_task
from tests.tasks.formats import Made, write_folder

WRITTEN = ["1_0", "00000", "0x10", "0o17", "1e3", "1.10", "+5", ".5", ".inf", "true", "False", "~"]
WRITTEN += ["null", "yes", "2024-01-01", "123456789012345678901234567890", "12:30:00"]


@pytest.mark.parametrize("name", WRITTEN)
def test_a_class_has_the_name_that_was_written(tmp_path: Path, name: str) -> None:
    for text in (name, f"'{name}'", f'"{name}"'):
        (tmp_path / "c.yaml").write_text(
            f"tasks: [{{name: t, dataset: 'folder:x', classes: [{text}, b]}}]"
        )
        assert load_catalogue(tmp_path / "c.yaml")["t"].classes == (name, "b")


def test_a_class_called_1_0_is_not_the_class_10(tmp_path: Path) -> None:
    names = ("1_0", "10")
    images = np.random.default_rng(0).integers(0, 256, (12, 5, 5, 1), dtype=np.uint8)
    content = Made(names, (images, np.arange(12) % 2), (images, np.arange(12) % 2))
    write_folder(tmp_path / "signs", content, [""])
    (tmp_path / "c.yaml").write_text("tasks: [{name: t, dataset: 'folder:signs', classes: [1_0]}]")
    task = make_task(load_catalogue(tmp_path / "c.yaml")["t"], read("folder:signs", tmp_path))
    assert task.classes == ("signs/1_0",)
    taken = {image.tobytes() for image in [*task.train.images, *task.val.images]}
    assert taken == {image.tobytes() for image in images[::2]}


SWEEP = """\
name: 1.10
description: 007
model: cnn8-narrow
tasks:
  - {name: 1e3, dataset: 'folder:x', classes: [0x1]}
  - {name: 2_0, dataset: 'folder:y', known_as: 0o7, classes: [~]}
pairs: [[1e3, 2_0]]
methods: [finetune]
tracking: {experiment: 0b1}
seed: 1_0
data: {train: 1_0, seed: 0x10}
profile: 2_0
profiles:
  2_0: {tracking: {experiment: 1e9}}
"""


def test_every_name_of_a_sweep_is_as_it_was_written_and_numbers_are_numbers(
    tmp_path: Path,
) -> None:
    (tmp_path / "s.yaml").write_text(SWEEP)
    loaded = load_sweep(tmp_path / "s.yaml", overrides=["model=wrn-10-1"], has_gpu=lambda: False)
    spec = loaded.spec
    assert (spec.name, spec.description, spec.pairs) == ("1.10", "007", (("1e3", "2_0"),))
    assert [task.name for task in spec.tasks] == ["1e3", "2_0"]
    assert [task.classes for task in spec.tasks] == [("0x1",), ("~",)]
    assert [task.known_as for task in spec.tasks] == [None, "0o7"]
    assert (loaded.profile, spec.tracking.experiment) == ("2_0", "1e9")
    assert (spec.seed, spec.data.train, spec.data.seed) == (10, 10, 16)


def test_an_override_is_read_in_the_same_way(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SWEEP)
    tasks = "tasks=[{name: a, dataset: 'folder:x', classes: [1_0]}, {name: 0x2, dataset: digits}]"
    given = [tasks, "pairs=[[a, 0x2]]", "profile=none", "tracking.experiment=1_000"]
    spec = load_sweep(tmp_path / "s.yaml", overrides=given, has_gpu=lambda: False).spec
    assert spec.tasks[0].classes == ("1_0",)
    assert spec.pairs == (("a", "0x2"),)
    assert spec.tracking.experiment == "1_000"


def test_axes_of_names_are_as_they_were_written_and_those_of_numbers_are_not() -> None:
    text = "grid={coupled.features: [1_0], coupled.lam: [1_0], weights: [null, 1e3]}"
    grid = with_texts(read_override(text, 0)).root.plain()["grid"]
    assert grid == {"coupled": {"features": ["1_0"], "lam": [10]}, "weights": [None, "1e3"]}


def test_a_number_that_is_too_large_is_a_problem_only_where_a_number_is_wanted(
    tmp_path: Path,
) -> None:
    (tmp_path / "s.yaml").write_text(f"name: {10**30}\nseed: {10**30}\n")
    document = with_texts(read_document(tmp_path / "s.yaml"))
    assert [finding.path for finding in document.findings] == [("seed",)]
    assert document.root.plain()["name"] == str(10**30)


def test_nothing_is_no_name(tmp_path: Path) -> None:
    for nothing in ("", "null", "~"):
        (tmp_path / "s.yaml").write_text(SWEEP.replace("name: 1.10", f"name: {nothing}"))
        with pytest.raises(RequestError, match="name  must be text, not empty"):
            load_sweep(tmp_path / "s.yaml", has_gpu=lambda: False)


def test_a_sweep_is_found_under_the_name_that_its_file_gives(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("name: 1_0\n")
    folder = tmp_path / "runs" / "1_0"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text("{}")
    assert sweep_folder(tmp_path / "s.yaml", tmp_path / "runs") == folder

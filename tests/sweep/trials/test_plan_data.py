"""What the data say against a sweep is said at once, before anything starts."""

from pathlib import Path

import numpy as np
import pytest

from raytd.errors import RequestError
from raytd.sweep.file.load import make_spec
from raytd.sweep.trials.plan import make_plan, read_tasks
from raytd.tasks import datasets
from raytd.tasks.spec import TaskSpec

NODES = [{"CPU": 8.0}]


def plan(root: Path, **content: object) -> list[str]:
    base = {"name": "s", "methods": ["uncoupled"], "coupled.blocks": 1}
    spec = make_spec(base | content, caller="test")
    with pytest.raises(RequestError) as error:
        make_plan(spec, data=root, storage=root, nodes=NODES)
    return error.value.problems


def write(root: Path, name: str, shape: tuple[int, ...]) -> None:
    images = np.arange(20 * int(np.prod(shape)), dtype=np.uint8).reshape(20, *shape)
    np.savez(root / f"{name}.npz", images=images, labels=np.arange(20) % 2)


def test_every_data_set_that_is_missing_is_told_once(tmp_path: Path) -> None:
    tasks = ["digits-low", "herbivores", "carnivores", {"name": "a", "dataset": "npz:no.npz"}]
    found = plan(tmp_path, tasks=tasks)
    assert len(found) == 2
    assert found[0].startswith("cifar100: not under ")
    assert found[1].startswith("npz:no.npz: not at ")


def test_images_of_different_form_are_told_for_each_pair_with_the_way_out(tmp_path: Path) -> None:
    write(tmp_path, "grey", (9, 7))
    write(tmp_path, "colour", (8, 8, 3))
    tasks = [{"name": name, "dataset": f"npz:{name}.npz"} for name in ("grey", "colour")]
    pairs = [["grey", "colour"], ["digits-low", "grey"]]
    found = plan(tmp_path, tasks=[*tasks, "digits-low"], pairs=pairs)
    assert found == [
        "grey and colour have images of different form (9×7, grey and 8×8, colour); "
        "set data.size and data.channels",
        "digits-low and grey have images of different form (8×8, grey and 9×7, grey); "
        "set data.size and data.channels",
    ]
    form = {"data.size": 8, "data.channels": 3}
    spec = make_spec(
        {"name": "s", "methods": ["uncoupled"], "tasks": [*tasks, "digits-low"], **form},
        caller="test",
    )
    made = make_plan(spec, data=tmp_path, storage=tmp_path, nodes=NODES)
    assert {t.image_shape for trial in made.trials for t in (trial.source, trial.target)} == {
        (3, 8, 8)
    }


def test_a_data_set_is_read_once_for_all_of_its_tasks(
    tmp_path: Path,
) -> None:
    asked = list[str]()

    def read(reference: str, *args: object, **more: object) -> datasets.Dataset:
        asked.append(reference)
        return datasets.read(reference, *args, **more)  # type: ignore[arg-type]

    specs = [TaskSpec(name=c, dataset="digits", classes=(c,)) for c in "123"]
    tasks, problems = read_tasks(specs, tmp_path, read=read)
    assert problems == []
    assert [tasks[spec].name for spec in specs] == ["1", "2", "3"]
    assert asked == ["digits"]


def test_every_task_that_asks_its_data_for_too_much_is_told(tmp_path: Path) -> None:
    write(tmp_path, "grey", (9, 7))
    tasks = [
        {"name": f"t{n}", "dataset": "npz:grey.npz", "train": n, "val": 4} for n in (4, 500, 600)
    ]
    found = plan(tmp_path, tasks=tasks)
    assert found == [
        f"task 't{n}': train = {n} takes {n // 2} images of class '0', which has 7; set train "
        "between 2 and 14"
        for n in (500, 600)
    ]

"""The sweeps in sweeps/: right as written and in each profile, small where no GPU is."""

import json
from pathlib import Path

import pytest

from raytd.methods.registry import METHODS
from raytd.sweep.cluster.connection import Node
from raytd.sweep.file.load import load_sweep
from raytd.sweep.trials.expand import expand
from raytd.sweep.trials.plan import make_plan
from raytd.tasks.vocabulary import CLASS_NAMES
from tests.tasks.formats import made, write_hub, write_idx_gz

SWEEPS = Path(__file__).parents[2] / "sweeps"
NAMES = sorted(path.stem for path in SWEEPS.glob("*.yaml"))
JUDGED = {
    "judge_fashion": {"fashion-mnist"},
    "judge_cifar10": {"cifar10"},
    "judge_mixed": {"digits", "cifar10"},
}
"""Sweeps that need images which do not come with raytd."""
TWO_CORES: list[Node] = [{"CPU": 2.0}]


def test_the_sweeps_that_the_readme_promises_are_there() -> None:
    readme = (SWEEPS.parent / "README.md").read_text(encoding="utf-8")
    assert NAMES
    assert [name for name in NAMES if f"sweeps/{name}.yaml" not in readme] == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("gpu", [True, False])
def test_shipped_sweeps_are_right_under_each_profile(name: str, gpu: bool) -> None:
    loaded = load_sweep(SWEEPS / f"{name}.yaml", has_gpu=lambda: gpu)
    spec = loaded.spec
    assert spec.description
    assert spec.name == name.replace("_", "-")
    assert spec.resources.gpus_per_actor == ("auto" if gpu and name != "quickstart" else 0)
    assert loaded.profile == (None if gpu or name == "quickstart" else "cpu")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("gpu", [True, False])
def test_a_resolved_sweep_is_a_sweep_file(tmp_path: Path, name: str, gpu: bool) -> None:
    spec = load_sweep(SWEEPS / f"{name}.yaml", has_gpu=lambda: gpu).spec
    (tmp_path / "s.yaml").write_text(json.dumps(spec.model_dump(mode="json")))
    assert load_sweep(tmp_path / "s.yaml", has_gpu=lambda: gpu).spec == spec


@pytest.mark.parametrize("name", [name for name in NAMES if name not in JUDGED])
def test_on_two_cores_a_sweep_can_be_planned_without_other_data(name: str, tmp_path: Path) -> None:
    spec = load_sweep(SWEEPS / f"{name}.yaml", has_gpu=lambda: False).spec
    assert {task.dataset for task in spec.tasks} == {"digits"}
    plan = make_plan(spec, data=tmp_path, storage=tmp_path, nodes=TWO_CORES)
    assert len(plan.missing) == len(plan.trials) == len(expand(spec)) <= 300


@pytest.mark.parametrize("name", JUDGED)
def test_a_sweep_for_the_judge_has_every_method_and_seven_tasks_of_real_images(
    name: str, tmp_path: Path
) -> None:
    spec = load_sweep(SWEEPS / f"{name}.yaml", has_gpu=lambda: False).spec
    assert {task.dataset for task in spec.tasks} == JUDGED[name]
    assert set(spec.methods) == set(METHODS)
    assert len(spec.tasks) == 7
    for dataset in JUDGED[name] - {"digits"}:
        write_images(dataset, tmp_path)
    plan = make_plan(spec, data=tmp_path, storage=tmp_path, nodes=TWO_CORES)
    assert len(plan.missing) == len(plan.trials) == 42 * len(METHODS) * 3


def write_images(name: str, root: Path) -> None:
    """Random images under the names of a data set's classes."""
    names = CLASS_NAMES[name]
    if name == "fashion-mnist":
        write_idx_gz(root / name, made(names, (28, 28, 1), per_class=100))
    else:
        content = made(names, (32, 32, 3), per_class=100)
        write_hub(root / name, content, train=["train.parquet"], val="test.parquet")


def test_a_sweep_that_follows_the_paper_takes_its_step() -> None:
    for name in ("figure2", "figure3", "convergence"):
        coupled = load_sweep(SWEEPS / f"{name}.yaml", has_gpu=lambda: True).spec.coupled
        assert coupled.proximal == "linear"
        # Below this the step pulls to a matching whatever the costs are.
        assert coupled.lam * coupled.epsilon > coupled.tile_size

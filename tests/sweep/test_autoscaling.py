"""A cluster that begins without GPUs runs a sweep that needs some, if its autoscaler adds them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from raytd.errors import RequestError
from raytd.sweep import plan as plan_module
from raytd.sweep.expand import expand
from raytd.sweep.placement import resource_problems
from raytd.sweep.plan import make_plan
from raytd.sweep.spec import make_spec
from tests.sweep.autoscaled import autoscaled

SWEEP = """
name: late
tasks: [digits-low, digits-high]
pairs: [[digits-low, digits-high]]
methods: [uncoupled]
data: {train: 20, val: 10}
coupled: {blocks: 4, tile_size: 5}
trajectory: {steps: 20, batch_size: 4, segments: 20}
pretrain: {epochs: 1, batch_size: 10}
grid: {model: [cnn8-narrow]}
resources: {gpus_per_actor: 1, cpus_per_actor: 0.5, threads: 1}
profiles: {cpu: {resources.gpus_per_actor: 0}}
"""
HEAD = [{"CPU": 1.0}]


def spec_of(**resources: float):
    content = {
        "name": "late",
        "tasks": ["digits-low", "digits-high"],
        "pairs": [["digits-low", "digits-high"]],
        "methods": ["coupled"],
        "data": {"train": 30, "val": 20},
        "coupled": {"blocks": 2, "tile_size": 10},
        "grid": {"seed": [0, 1]},
        "resources": resources,
    }
    return make_spec(content, caller="test", base=None, overrides=())


def test_what_the_living_nodes_lack_is_asked_for_once_a_shape_and_in_whole() -> None:
    asked: list[Sequence[dict[str, float]]] = []

    def can_add(bundles: Sequence[dict[str, float]]) -> bool:
        asked.append(bundles)
        return True

    configs = expand(spec_of(gpus_per_actor=1, cpus_per_actor=2))
    assert len(configs) == 2
    assert resource_problems(configs, HEAD, can_add) == []
    assert asked == [[{"CPU": 0.5}, {"CPU": 2, "GPU": 1}, {"CPU": 2, "GPU": 1}]]
    assert resource_problems(configs, [{"CPU": 8.0, "GPU": 2.0}], can_add) == []
    assert len(asked) == 1
    assert len(resource_problems(configs, HEAD, lambda _: False)) == 2
    assert resource_problems(configs, HEAD) == resource_problems(configs, HEAD, lambda _: False)


def test_nothing_is_asked_of_the_autoscaler_while_something_else_speaks_against_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_module, "trial_problems", lambda *_: ["something else"])

    def can_add(_: Sequence[dict[str, float]]) -> bool:
        raise AssertionError("nodes would start for a sweep that is refused")

    with pytest.raises(RequestError, match="something else") as refused:
        make_plan(
            spec_of(gpus_per_actor=1), data=tmp_path, storage=tmp_path, nodes=HEAD, can_add=can_add
        )
    assert "the cluster has 0" in str(refused.value)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A head with one CPU and no GPU, and up to two nodes with two GPUs each."""
    with autoscaled(max_workers=2, worker={"CPU": 2, "GPU": 2}) as address:
        yield address


def run_sweep(address: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    file = folder / "late.yaml"
    file.write_text(SWEEP)
    command = [sys.executable, "-m", "raytd", "sweep", str(file), "--address", address,
               "--storage", str(folder / "runs"), "--tracking-uri", "none", *more]  # fmt: skip
    return subprocess.run(
        command,
        env=os.environ | {"RAY_AUTH_MODE": "disabled", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


@pytest.mark.ray
@pytest.mark.slow
def test_a_sweep_waits_for_the_nodes_that_the_autoscaler_adds_and_one_too_large_is_refused(
    address: str, tmp_path: Path
) -> None:
    too_large = ("--profile", "none", "--set", "resources.gpus_per_actor=2")
    refused = run_sweep(address, tmp_path, *too_large)
    assert refused.returncode == 2, refused.stderr
    assert "the plan needs 8 GPUs for one trial" in refused.stderr
    ended = run_sweep(address, tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "the file as written (the cluster has a GPU)" in ended.stderr
    assert re.search(
        r"waiting for 4 GPUs, 2.5 CPUs \(autoscaler: [12] nodes? starting\)", ended.stderr
    )
    assert "1 trials: 0 done, 1 to run" in ended.stderr
    done = run_sweep(address, tmp_path, *too_large[:2])
    assert "1 trials: 1 done, 0 to run" in done.stderr

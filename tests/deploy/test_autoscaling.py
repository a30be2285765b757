"""A cluster that begins without GPUs runs a sweep that needs some, if its autoscaler adds them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.autoscaled import autoscaled

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
resources: {cpus_per_actor: 0.5, threads: 1}
profiles: {cpu: {resources.gpus_per_actor: 0}}
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A head with one CPU and no GPU, and up to two nodes with a GPU each."""
    with autoscaled(max_workers=2, worker={"CPU": 2, "GPU": 1}) as address:
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
    too_large = ("--profile", "none", "--set", "resources={actors: 4, gpus_per_actor: 2}")
    refused = run_sweep(address, tmp_path, *too_large)
    assert refused.returncode == 2, refused.stderr
    assert "the plan needs 8 GPUs for one trial" in refused.stderr
    ended = run_sweep(address, tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "the file as written (the cluster has a GPU)" in ended.stderr
    assert re.search(
        r"waiting for 2 GPUs, 2.5 CPUs \(autoscaler: [12] nodes? starting\)", ended.stderr
    )
    assert "1 trial: 0 done, 1 to run; up to 2 processes share a GPU" in ended.stderr
    done = run_sweep(address, tmp_path, *too_large[:2])
    assert "1 trial: 1 done, 0 to run" in done.stderr

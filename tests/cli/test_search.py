"""A sweep that searches, as a user runs it: cells side by side, and again from what is finished."""

import subprocess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.cli.commands import run_here

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SWEEP = """
name: small
tasks: [digits-low, digits-high]
data: {train: 20, val: 20}
pairs: [[digits-low, digits-high]]
methods: [otdd, emd]
grid: {seed: [0, 1]}
where: [{when: {seed: 1}, set: {pretrain.lr: 0.02}}]
search:
  space: {otdd.epsilon: {loguniform: [0.1, 2]}}
  metric: value
  trials: 1
otdd: {features: source}
pretrain: {epochs: 2, batch_size: 10, lr: 0.01}
resources: {cpus_per_actor: 2, threads: 1}
"""


def run(folder: Path, *more: str) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
    (folder / "small.yaml").write_text(SWEEP)
    ended = run_here(folder, "sweep", "small.yaml", "--tracking-uri", "none", *more)
    assert ended.returncode == 0, ended.stderr
    return ended, pq.read_table(folder / "runs/small/results.parquet").to_pylist()


def searched(rows: list[dict[str, Any]]) -> dict[int, set[float]]:
    own = [row for row in rows if row["method"] == "otdd"]
    return {seed: {row["otdd.epsilon"] for row in own if row["seed"] == seed} for seed in (0, 1)}


def test_a_search_runs_goes_on_and_is_the_same_from_the_start(
    tmp_path: Path, ray_here: None
) -> None:
    first, rows = run(tmp_path)
    assert "4 trials: 0 done, 4 to run" in first.stderr
    assert [row["status"] for row in rows] == ["done"] * 4
    assert {row["seed"]: row["pretrain.lr"] for row in rows} == {0: 0.01, 1: 0.02}
    assert {row["otdd.epsilon"] for row in rows if row["method"] == "emd"} == {None}
    assert [len(values) for values in searched(rows).values()] == [1, 1]

    again, _ = run(tmp_path)
    assert "4 trials: 4 done, 0 to run" in again.stderr

    more, rows_of_more = run(tmp_path, "--set", "search.trials=2")
    assert "6 trials: 4 done, 2 to run" in more.stderr
    for seed, values in searched(rows_of_more).items():
        assert len(values) == 2
        assert values > searched(rows)[seed]

    fresh = tmp_path / "fresh"
    fresh.mkdir()
    _, at_once = run(fresh, "--set", "search.trials=2", "--max-concurrent", "1")
    assert searched(at_once) == searched(rows_of_more)
    numbers = [{row["trial_key"]: row["value"] for row in r} for r in (at_once, rows_of_more)]
    assert numbers[0] == numbers[1]

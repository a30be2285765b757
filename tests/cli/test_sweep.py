"""`raytd sweep` as a user runs it: a process of its own, a small sweep, everything it leaves."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import raytd
from raytd.cli.events import FIELDS
from tests.cli.commands import command, environment, processes_with, run_here
from tests.disks import small_disk

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SWEEP = """
name: small
tasks: [digits-low, digits-high]
data: {train: 30, val: 20}
pairs: [[digits-low, digits-high]]
methods: [coupled, uncoupled]
grid: {seed: [0, 1]}
coupled: {iterations: 2, blocks: 2, tile_size: 5}
trajectory: {steps: 40, batch_size: 8, lr: 0.01, segments: 20}
pretrain: {epochs: 4, batch_size: 10}
stop: {tolerance: 0}
resources: {cpus_per_actor: 0.5, threads: 1}
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "small.yaml").write_text(SWEEP)
    return folder


@pytest.fixture(scope="module")
def run(folder: Path, ray_here: None) -> Run:
    return partial(run_here, folder)


@pytest.fixture(scope="module")
def first(run: Run) -> subprocess.CompletedProcess[str]:
    return run("sweep", "small.yaml")


@pytest.fixture(scope="module")
def rows(first: subprocess.CompletedProcess[str], folder: Path) -> list[dict[str, Any]]:
    return pq.read_table(folder / "runs/small/results.parquet").to_pylist()


def test_all_trials_end_and_the_exit_code_is_0(
    first: subprocess.CompletedProcess[str], rows: list[dict[str, Any]]
) -> None:
    assert first.returncode == 0, first.stderr
    assert [row["status"] for row in rows] == ["done"] * 4
    assert first.stderr.startswith("small: the file as written (the file has no cpu profile)\n")


def test_standard_output_has_the_table_and_the_matrices(
    first: subprocess.CompletedProcess[str],
) -> None:
    assert "coupled, cnn8-narrow: distance (rad), 2 seeds" in first.stdout
    assert "source \\ target" in first.stdout
    assert "Configuration for experiment" not in first.stdout + first.stderr
    assert "Traceback" not in first.stderr


def test_every_row_has_the_number_with_its_error_figures(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert row["value"] == row["distance"]
        assert row["fisher_rao_length"] >= row["distance"]
        assert row["distance"] > row["distance_half"] > row["distance_quarter"] > 0
        assert row["noise_share"] == 1 - row["noise_free_length"] / row["fisher_rao_length"]
        assert row["coupling_converged"]
        assert row["arrived"] == (row["target_accuracy"] >= 0.9 * row["reference_accuracy"])
        assert row["sgd_steps"] == 40
        assert len(row["protocol"]) == 8
    assert len({row["protocol"] for row in rows}) == 1


def test_every_trial_leaves_its_files(folder: Path, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        trial = folder / "runs/small/trials" / row["trial_key"]
        assert {p.name for p in trial.iterdir()} == {
            "config.json",
            "result.json",
            "iterations.parquet",
            "knots.parquet",
            "coupling.parquet",
            "log.txt",
        }
        coupling = pq.read_table(trial / "coupling.parquet").to_pydict()
        mass, cost = np.array(coupling["mass"]), np.array(coupling["cost"])
        np.testing.assert_allclose(mass.sum(), 1, rtol=1e-12)
        # The same sum over pairs in another order.
        np.testing.assert_allclose((mass * cost).sum(), row["distance"], rtol=1e-12)
        assert pq.read_table(trial / "knots.parquet").num_rows == 21 * row["iterations"]


def test_sources_are_trained_once_for_all_trials(
    folder: Path, first: subprocess.CompletedProcess[str]
) -> None:
    # One source and one reference for each of two seeds.
    assert len(list((folder / "runs/sources").glob("*.safetensors"))) == 4
    assert first.stderr.count("training cnn8-narrow") == 4


def test_heat_maps_are_drawn(folder: Path, rows: list[dict[str, Any]]) -> None:
    report = folder / "runs/small/report"
    assert (report / "distances-coupled-uncoupled.png").read_bytes().startswith(b"\x89PNG")
    assert "<img alt=" in (report / "index.html").read_text()


def test_the_python_face_gives_the_number_of_the_sweep_to_the_bit(
    folder: Path, rows: list[dict[str, Any]]
) -> None:
    (row,) = (r for r in rows if r["method"] == "coupled" and r["seed"] == 1)
    result = raytd.distance("digits-low", "digits-high", config=folder / "small.yaml", seed=1)
    assert result.distance == row["distance"]
    assert result.noise_free_length == row["noise_free_length"]
    left, right = result.plot().axes
    assert left.get_lines()[0].get_ydata()[-1] == row["distance"]
    assert len(right.get_lines()[0].get_xdata()) == 21


def test_the_shell_gives_the_number_of_the_sweep_to_the_bit(
    run: Run, rows: list[dict[str, Any]]
) -> None:
    (row,) = (r for r in rows if r["method"] == "uncoupled" and r["seed"] == 0)
    shown = run(
        "distance", "digits-low", "digits-high", "--config", "small.yaml",
        "--method", "uncoupled", "--json",
    )  # fmt: skip
    assert json.loads(shown.stdout)["distance"] == row["distance"]
    assert json.loads(shown.stdout)["trial_key"] == row["trial_key"]


def mlflow_runs(folder: Path) -> list[Any]:
    from raytd.tracking.quiet import import_mlflow

    import_mlflow()
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'runs/mlflow.db'}")
    experiment = client.get_experiment_by_name("small")
    return list(client.search_runs([experiment.experiment_id]))


def test_the_tracking_server_has_a_parent_and_a_child_for_each_trial(
    folder: Path, rows: list[dict[str, Any]]
) -> None:
    runs = mlflow_runs(folder)
    (parent,) = (r for r in runs if "mlflow.parentRunId" not in r.data.tags)
    children = {r.data.tags["raytd.trial_key"]: r for r in runs if r is not parent}
    assert {r.info.status for r in runs} == {"FINISHED"}
    assert set(children) == {row["trial_key"] for row in rows}
    for row in rows:
        child = children[row["trial_key"]]
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert child.data.metrics["final.distance"] == row["distance"]
        assert child.data.params["seed"] == str(row["seed"])
        assert "knots.segment_length" in child.data.metrics


def test_running_it_again_runs_nothing(run: Run, folder: Path, rows: list[dict[str, Any]]) -> None:
    before = {p: p.stat().st_mtime_ns for p in folder.glob("runs/small/trials/*/*")}
    n_runs = len(mlflow_runs(folder))
    again = run("sweep", "small.yaml", "--json", "--progress", "jsonl")
    assert again.returncode == 0
    assert "4 trials: 4 done, 0 to run" in again.stderr
    assert json.loads(again.stderr.splitlines()[-1])["event"] == "finish"
    assert {p: p.stat().st_mtime_ns for p in folder.glob("runs/small/trials/*/*")} == before
    assert len(mlflow_runs(folder)) == n_runs
    assert len(json.loads(again.stdout)["trials"]) == 4


def test_a_wider_grid_runs_only_what_is_new(
    run: Run, folder: Path, rows: list[dict[str, Any]]
) -> None:
    wider = run("sweep", "small.yaml", "--set", "grid.seed=[1, 2]", "--tracking-uri", "none")
    assert wider.returncode == 0
    assert "4 trials: 2 done, 2 to run" in wider.stderr
    table = pq.read_table(folder / "runs/small/results.parquet").to_pylist()
    assert sorted({row["seed"] for row in table}) == [0, 1, 2]


def numbers_of(row: dict[str, Any]) -> dict[str, float]:
    """What a trial has computed; how long it took is not among it."""
    return {
        name: value for name, value in row.items() if isinstance(value, float) and name != "wall_s"
    }


def test_a_trial_that_fails_is_named_and_the_others_go_on(
    run: Run, folder: Path, rows: list[dict[str, Any]]
) -> None:
    ended = run(
        "sweep", "small.yaml", "--set", "grid.trajectory.lr=[0.01, 1.0e+30]",
        "--set", "grid.seed=[0]", "--storage", "failing", "--tracking-uri", "none",
    )  # fmt: skip
    assert ended.returncode == 1
    beside = pq.read_table(folder / "failing/small/results.parquet").to_pylist()
    failed = [row for row in beside if row["status"] == "failed"]
    done = {row["trial_key"]: row for row in beside if row["status"] == "done"}
    undisturbed = {row["trial_key"]: numbers_of(row) for row in rows if row["seed"] == 0}
    assert len(failed) == 2
    assert done.keys() == undisturbed.keys()
    for key, numbers in undisturbed.items():
        assert {name: done[key][name] for name in numbers} == numbers
    for row in failed:
        assert "block 0, segment 0: the weights became NaN" in row["error"]
        log = folder / "failing/small/trials" / row["trial_key"] / "log.txt"
        assert "raytd/engine/worker.py" in log.read_text()  # where it was raised, in the actor
        assert "\x1b" not in log.read_text()
        assert f"({log})" in ended.stderr
    assert "Traceback" not in ended.stderr
    again = run(
        "sweep", "small.yaml", "--set", "grid.trajectory.lr=[0.01, 1.0e+30]",
        "--set", "grid.seed=[0]", "--storage", "failing", "--tracking-uri", "none",
    )  # fmt: skip
    assert again.returncode == 1
    assert (
        "4 trials: 2 done, 0 to run, 2 failed, not run again without --retry-failed" in again.stderr
    )
    before = {row["trial_key"]: row["error"] for row in failed}
    retried = run(
        "sweep", "small.yaml", "--set", "grid.trajectory.lr=[0.01, 1.0e+30]",
        "--set", "grid.seed=[0]", "--storage", "failing", "--tracking-uri", "none",
        "--retry-failed", "--progress", "jsonl",
    )  # fmt: skip
    assert retried.returncode == 1
    events = [json.loads(line) for line in retried.stderr.splitlines()]
    assert all(set(e) == {"event", "time", "elapsed_s", *FIELDS[e["event"]]} for e in events)
    ends = {e["trial_key"]: e for e in events if e["event"] == "end"}
    assert {key: e["error"] for key, e in ends.items()} == before
    assert events[-1]["event"] == "finish"


def test_two_sweeps_at_once_run_no_trial_twice(run: Run, folder: Path) -> None:
    how = ("sweep", "small.yaml", "--storage", "shared", "--set", "methods=[uncoupled]")
    both = [
        subprocess.Popen(
            command(*how, "--progress", "jsonl", "--tracking-uri", "none"),
            cwd=folder,
            env=environment(folder),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    events = [json.loads(line) for text in said for line in text.splitlines()]
    ended = [e["trial_key"] for e in events if e["event"] == "end"]
    assert len(ended) == len(set(ended)) == 2
    (wait,) = [e for e in events if e["event"] == "wait" and "another raytd sweep" in e["message"]]
    assert any(f"(process {process.pid} on " in wait["message"] for process in both)


def test_trials_for_which_there_is_room_run_side_by_side_to_the_bits_of_one_alone(
    run: Run, folder: Path, rows: list[dict[str, Any]]
) -> None:
    (folder / "beside").mkdir()
    (folder / "beside/sources").symlink_to(folder / "runs/sources")
    ended = run(
        "sweep", "small.yaml", "--set", "methods=[coupled]", "--set", "coupled.iterations=6",
        "--set", "resources.cpus_per_actor=0.1", "--storage", "beside", "--tracking-uri", "none",
        "--progress", "jsonl",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    events = [json.loads(line) for line in ended.stderr.splitlines()]
    told = [(e["trial_key"], e["event"]) for e in events if "trial_key" in e]
    keys = {key for key, _ in told}
    assert len(keys) == 2
    first_end = next(i for i, (_, event) in enumerate(told) if event == "end")
    assert {key for key, event in told[:first_end] if event == "iteration"} == keys
    for row in pq.read_table(folder / "beside/small/results.parquet").to_pylist():
        alone = raytd.distance(
            "digits-low", "digits-high", config=folder / "small.yaml", seed=row["seed"],
            sources=folder / "runs/sources", coupled={"iterations": 6},
        )  # fmt: skip
        assert row["iterations"] == 6
        assert row["distance"] == alone.distance
        assert row["noise_free_length"] == alone.noise_free_length


def test_ctrl_c_keeps_what_is_finished_and_leaves_no_process(folder: Path) -> None:
    marker = f"RAYTD_TEST_MARKER={os.getpid()}"
    name, _, value = marker.partition("=")
    process = subprocess.Popen(
        command("sweep", "small.yaml", "--storage", "interrupted"),
        cwd=folder,
        env={**environment(folder), name: value},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("[1/4] coupled"):
            break
    os.killpg(process.pid, signal.SIGINT)
    _, rest = process.communicate(timeout=120)
    assert process.returncode == 130, rest
    again = "run it again with: raytd sweep small.yaml --storage interrupted"
    assert f"stopped by Ctrl-C: 1 of 4 trials finished; {again}\n" in rest
    assert "Traceback" not in rest
    rows = pq.read_table(folder / "interrupted/small/results.parquet").to_pylist()
    assert [row["status"] for row in rows] == ["done"]
    deadline = time.monotonic() + 30
    while processes_with(marker) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_with(marker) == []


def test_a_full_disk_is_one_line_and_what_is_finished_stays_readable(
    run: Run, folder: Path
) -> None:
    with small_disk(folder, "1100k") as disk:
        ended = run("sweep", "small.yaml", "--storage", "disk", "--tracking-uri", "none")
        assert ended.returncode == 1
        assert "the disk is full" in ended.stderr
        assert "Traceback" not in ended.stderr
        for result in disk.glob("small/trials/*/result.json"):
            json.loads(result.read_text())
        for weights in disk.glob("sources/*.json"):
            assert weights.with_suffix(".safetensors").stat().st_size > 400_000

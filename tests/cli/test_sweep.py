"""`raytd sweep` as a user runs it: a small sweep, and everything it leaves."""

import json
import os
import shlex
import shutil
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
from raytd.sweep.folder import sweep_lock
from tests.cli.commands import command, environment, fields_by_event, processes_with, run_here
from tests.disks import small_disk
from tests.methods import plain_nets

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SWEEP = """
name: small
tasks: [digits-low, digits-high]
data: {train: 20, val: 10}
pairs: [[digits-low, digits-high]]
methods: [coupled, uncoupled]
grid: {seed: [0, 1]}
coupled: {iterations: 2, blocks: 2, tile_size: 5}
trajectory: {steps: 40, batch_size: 8, lr: 0.01, segments: 20}
pretrain: {epochs: 4, batch_size: 10}
stop: {tolerance: 0}
resources: {cpus_per_actor: 1, threads: 1}
"""
"""Its trials take three of the four CPUs each: one runs at a time."""

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
        assert row["distance"] == row["distance_20"] > row["distance_10"] > 0
        assert row["noise_share"] == 1 - row["noise_free_length"] / row["fisher_rao_length"]
        assert row["coupling_converged"]
        assert row["arrived"] == (row["moving_accuracy"] >= 0.9 * row["reference_accuracy"])
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


def test_the_log_of_the_sweep_has_what_the_terminal_showed(
    folder: Path, first: subprocess.CompletedProcess[str]
) -> None:
    log = (folder / "runs/small/sweep.log").read_text().splitlines()
    kept = [line.split(" ", 2) for line in log]
    assert {level for _, level, _ in kept} == {"INFO"}
    shown = {line for line in first.stderr.splitlines() if " so far" not in line}  # now and then
    assert shown <= {text for _, _, text in kept}
    assert "done: 4 done, 0 failed" in [text for _, _, text in kept]


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
    for name in ("distance", "distance_error", "trial_key"):
        assert json.loads(shown.stdout)[name] == row[name]
    error = f"{row['distance']:.4f} ± {row['distance_error']:.2g} rad"
    assert f"iteration 0: distance {error}, target accuracy" in shown.stderr


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
        assert child.data.metrics["distance"] == row["distance"]
        assert child.data.metrics["distance_error"] == row["distance_error"]
        assert "seeds_error" not in child.data.metrics
        assert child.data.params["seed"] == str(row["seed"])
        assert "knots.segment_length" in child.data.metrics
        result = folder / "runs/small/trials" / row["trial_key"] / "result.json"
        assert child.info.end_time == result.stat().st_mtime_ns // 1_000_000
        lasted_s = (child.info.end_time - child.info.start_time) / 1000
        # 50 ms: the two are read from two clocks, and in whole milliseconds.
        assert lasted_s > row["wall_s"] - 0.05
        assert parent.info.start_time <= child.info.start_time


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
    wider = run(
        "sweep", "small.yaml", "--set", "grid.seed=[1, 2]", "--set", "methods=[uncoupled]",
        "--set", "resources.cpus_per_actor=2", "--tracking-uri", "none",
    )  # fmt: skip
    assert wider.returncode == 0
    fewer = "the cluster has room for 1 actor a trial instead of 2 (same answer, slower)"
    assert f"2 trials: 1 done, 1 to run; {fewer}\n" in wider.stderr
    table = pq.read_table(folder / "runs/small/results.parquet").to_pylist()
    assert sorted((row["method"], row["seed"]) for row in table) == [
        ("coupled", 0), ("coupled", 1), ("uncoupled", 0), ("uncoupled", 1), ("uncoupled", 2),
    ]  # fmt: skip


def numbers_of(row: dict[str, Any]) -> dict[str, float]:
    """What a trial has computed; how long it took is not among it."""
    return {
        name: value for name, value in row.items() if isinstance(value, float) and name != "wall_s"
    }


MEETING = """
import time
from pathlib import Path

import ray

from plain_nets import normed


def sociable(in_channels, n_classes):
    group = ray.is_initialized() and ray.get_runtime_context().get_placement_group_id()
    if group:
        folder = Path(__file__).with_name("groups")
        (folder / group).touch()
        deadline = time.monotonic() + 120
        while len(list(folder.iterdir())) < 2:
            assert time.monotonic() < deadline, "no other trial has come"
            time.sleep(0.05)
    return normed(in_channels=in_channels, n_classes=n_classes)
"""
"""A network that a trial can only build while another trial runs, too."""


@pytest.fixture
def meeting(modules: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (modules / "groups").mkdir()
    shutil.copy(plain_nets.__file__, modules)
    (modules / "meeting.py").write_text(MEETING)
    monkeypatch.syspath_prepend(modules)
    return "meeting:sociable"


def test_trials_run_side_by_side_to_the_bits_of_one_alone_while_others_fail_by_name(
    run: Run, folder: Path, meeting: str
) -> None:
    how = (
        "sweep", "small.yaml", "--storage", "beside", "--tracking-uri", "none",
        "--set", "methods=[coupled]", "--set", f"model={meeting}",
        "--set", "grid.trajectory.lr=[0.01, 1.0e+30]",
        "--set", "resources.cpus_per_actor=0.6",
    )  # fmt: skip
    ended = run(*how, "--progress", "jsonl")
    assert ended.returncode == 1, ended.stderr
    events = [json.loads(line) for line in ended.stderr.splitlines()]
    told = fields_by_event()
    assert all(set(e) == {"event", "time", "elapsed_s", *told[e["event"]]} for e in events)
    assert events[-1]["event"] == "finish"
    beside = pq.read_table(folder / "beside/small/results.parquet").to_pylist()

    done = [row for row in beside if row["status"] == "done"]
    told = [(e["trial_key"], e["event"]) for e in events if "trial_key" in e]
    first_end = next(i for i, (_, event) in enumerate(told) if event == "end")
    assert len({key for key, event in told[:first_end] if event == "begin"}) == 2
    assert {row["seed"] for row in done} == {0, 1}
    for row in done:
        assert row["iterations"] == 2
        assert {e for key, e in told if key == row["trial_key"]} >= {"begin", "iteration", "end"}
        alone = json.loads(
            run(
                "distance", "digits-low", "digits-high", "--config", "small.yaml", "--model",
                meeting, "--seed", str(row["seed"]), "--out", "beside", "--json",
            ).stdout
        )  # fmt: skip
        assert alone["trial_key"] == row["trial_key"]
        numbers = numbers_of(alone)  # a row of a sweep has its axes, too
        assert numbers.keys() >= {"distance", "noise_free_length", "target_accuracy"}
        assert {name: row[name] for name in numbers} == numbers

    failed = {row["trial_key"]: row for row in beside if row["status"] == "failed"}
    ends = {e["trial_key"]: e["error"] for e in events if e["event"] == "end"}
    assert len(failed) == 2
    assert {key: ends[key] for key in failed} == {k: row["error"] for k, row in failed.items()}
    for key, row in failed.items():
        assert "block 0, segment 0: the weights became NaN" in row["error"]
        log = folder / "beside/small/trials" / key / "log.txt"
        assert "raytd/engine/worker.py" in log.read_text()  # where it was raised, in the actor
        assert "\x1b" not in log.read_text()

    again = run(*how)
    assert again.returncode == 1
    assert (
        "4 trials: 2 done, 0 to run, 2 failed, not run again without --retry-failed" in again.stderr
    )
    retried = run(*how, "--set", "grid.seed=[0]", "--retry-failed")
    assert retried.returncode == 1
    assert "2 trials: 1 done, 1 to run" in retried.stderr
    (key,) = (key for key, row in failed.items() if row["seed"] == 0)
    assert failed[key]["error"] in retried.stderr
    assert f"({folder / 'beside/small/trials' / key / 'log.txt'})" in retried.stderr
    assert "Traceback" not in retried.stderr


def test_ctrl_c_keeps_what_is_finished_leaves_no_process_and_lets_the_sweep_that_waits_go_on(
    run: Run, folder: Path, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "shared").mkdir()
    (folder / "shared/sources").symlink_to(folder / "runs/sources")
    how = (
        "sweep", "small.yaml", "--storage", "shared", "--tracking-uri", "none",
        "--set", "methods=[coupled]", "--set", "coupled.blocks=1",
        "--set", "resources.cpus_per_actor=0.5", "--set", "grid.seed=[0]",
    )  # fmt: skip
    more = ("--set", "grid.coupled.iterations=[1, 3000]", "--max-concurrent", "1")
    marker = f"RAYTD_TEST_MARKER={os.getpid()}"
    name, _, value = marker.partition("=")
    process = subprocess.Popen(
        command(*how, *more),
        cwd=folder,
        env={**environment(folder), name: value},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    who = sweep_lock._who

    def interrupt(owner: Path) -> str:
        os.killpg(process.pid, signal.SIGINT)
        return who(owner)

    try:
        assert process.stderr is not None
        assert any(line.startswith("[1/2] coupled") for line in process.stderr)
        with monkeypatch.context() as patch:
            patch.setattr(sweep_lock, "_who", interrupt)  # the other sweep asks once it waits
            finite = "grid.coupled.iterations=[1]"
            other = run(*how, "--set", finite, "--progress", "jsonl")
        _, rest = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130, rest
    again = shlex.join(["raytd", *how, *more])
    assert f"stopped by Ctrl-C: 1 of 2 trials finished; run it again with: {again}\n" in rest
    assert "Traceback" not in rest
    deadline = time.monotonic() + 30
    while processes_with(marker) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_with(marker) == []

    assert other.returncode == 0, other.stderr
    events = [json.loads(line) for line in other.stderr.splitlines()]
    (wait,) = (e["message"] for e in events if e["event"] == "wait")
    assert wait.startswith(f"another raytd sweep runs this one (process {process.pid} on ")
    (counts,) = (e for e in events if e["event"] == "plan")
    assert (counts["trials"], counts["done"], counts["to_run"]) == (1, 1, 0)
    assert [e for e in events if e["event"] in ("begin", "end")] == []
    (kept,) = pq.read_table(folder / "shared/small/results.parquet").to_pylist()
    assert (kept["status"], kept["iterations"]) == ("done", 1)


def test_a_full_disk_is_one_line_and_what_is_finished_stays_readable(
    run: Run, folder: Path
) -> None:
    with small_disk(folder, "700k") as disk:
        ended = run(
            "sweep", "small.yaml", "--storage", "disk", "--tracking-uri", "none",
            "--set", "methods=[otdd]", "--set", "otdd.features=source",
            "--set", "resources.cpus_per_actor=4",
        )  # fmt: skip
        assert ended.returncode == 1
        assert "the disk is full" in ended.stderr.splitlines()[-1]
        assert "Traceback" not in ended.stderr
        # One network at a time is trained: the first has room.
        (whole,) = disk.glob("sources/*.json")
        json.loads(whole.read_text())
        assert whole.with_suffix(".safetensors").stat().st_size > 400_000

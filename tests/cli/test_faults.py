"""Whole sweeps whose processes, memory and nodes are taken away, against ones left in peace."""

import json
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import raytd
from raytd.methods.result import DistanceResult
from raytd.sweep.ledger import iteration_row, knot_rows
from tests.cli.commands import command, environment, processes_with

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SWEEP = """
name: faults
tasks: [digits-low, digits-high]
data: {train: 30, val: 20}
pairs: [[digits-low, digits-high]]
methods: [coupled]
coupled: {iterations: 4, blocks: 2, tile_size: 5, support: global}
trajectory: {steps: 160, batch_size: 8, lr: 0.01, segments: 20}
pretrain: {epochs: 4, batch_size: 10}
stop: {tolerance: 0}
resources: {cpus_per_actor: 0.5, threads: 1, checkpoint_every: 1}
"""
LONGEST_S = 240


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults")
    (folder / "faults.yaml").write_text(SWEEP)
    (folder / "sources").mkdir()
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> DistanceResult:
    """In this process; its sources serve every sweep here."""
    return raytd.distance(
        "digits-low", "digits-high", config=folder / "faults.yaml", sources=folder / "sources"
    )


@contextmanager
def sweep(folder: Path, storage: str, *args: str) -> Iterator[subprocess.Popen[str]]:
    """`raytd sweep` in a process group of its own, with the sources that are there."""
    (folder / storage).mkdir(exist_ok=True)
    if not (folder / storage / "sources").exists():
        (folder / storage / "sources").symlink_to(folder / "sources")
    process = subprocess.Popen(
        command("sweep", "faults.yaml", "--storage", storage, "--tracking-uri", "none", *args),
        cwd=folder,
        env={
            **environment(folder),
            "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}",
            "RAYTD_TEST_STORAGE": storage,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> str:
    """Waits for the end; what was written to standard error."""
    return process.communicate(timeout=LONGEST_S)[1]


def trial_processes(storage: str) -> list[int]:
    """Processes of Tune's trials in that sweep."""
    ours = processes_with(f"RAYTD_TEST_STORAGE={storage}\0")
    return [number for number, title in ours if "ray::" in title and "ImplicitFunc" in title]


def checkpoints(folder: Path, storage: str, pattern: str) -> list[Path]:
    return [*folder.glob(f"{storage}/faults/trials/*/checkpoint/{pattern}*")]


def wait_until(happened: Callable[[], Any], process: subprocess.Popen[str]) -> Any:
    deadline = time.monotonic() + LONGEST_S
    while not (found := happened()):
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"it never happened: {process.communicate()[1]}")
        time.sleep(0.02)
    return found


def assert_same_bits(folder: Path, storage: str, undisturbed: DistanceResult) -> dict[str, Any]:
    (row,) = pq.read_table(folder / storage / "faults/results.parquet").to_pylist()
    (trial,) = (folder / storage / "faults/trials").iterdir()
    assert row["status"] == "done"
    for name in ("distance", "noise_free_length", "noise_free_error", "forward_images"):
        assert row[name] == getattr(undisturbed, name)
    figures = pq.read_table(trial / "iterations.parquet").to_pylist()
    assert figures == [iteration_row(i) for i in undisturbed.iterations]
    knots = pq.read_table(trial / "knots.parquet").to_pylist()
    assert knots == [k for i in undisturbed.iterations for k in knot_rows(i)]
    assert not (trial / "checkpoint").exists()
    return row


def test_a_sweep_whose_folder_is_removed_says_so_and_leaves_none(folder: Path) -> None:
    shutil.copytree(folder / "sources", folder / "gone" / "sources")
    with sweep(folder, "gone") as process:
        wait_until(lambda: checkpoints(folder, "gone", "0000-"), process)
        shutil.rmtree(folder / "gone" / "faults", ignore_errors=True)
        out, said = process.communicate(timeout=LONGEST_S)
    assert process.returncode == 1
    assert out == ""
    last = said.splitlines()[-1]
    assert last.startswith(f"{folder}/gone/faults: the folder of the sweep was removed or moved")
    assert "Traceback" not in said
    assert [path.name for path in (folder / "gone").iterdir()] == ["sources"]


def test_a_killed_process_of_a_trial_starts_again_from_its_checkpoint(
    folder: Path, undisturbed: DistanceResult
) -> None:
    with sweep(folder, "process", "--json") as process:
        wait_until(lambda: checkpoints(folder, "process", "0001-0010"), process)
        for pid in trial_processes("process"):
            os.kill(pid, signal.SIGKILL)
        out, said = process.communicate(timeout=LONGEST_S)
    assert process.returncode == 0, said
    assert "its process was lost; it goes on from its checkpoint" in said
    assert "(raylet) A worker died or was killed while executing a task" in said
    row = assert_same_bits(folder, "process", undisturbed)
    assert json.loads(out)["trials"][0]["distance"] == row["distance"]


def test_a_killed_driver_leaves_a_checkpoint_from_which_the_same_command_goes_on(
    folder: Path, undisturbed: DistanceResult
) -> None:
    with sweep(folder, "driver") as process:
        wait_until(lambda: checkpoints(folder, "driver", "0002-0005"), process)
        process.kill()
        process.wait()
    left = max(p.name[:9] for p in checkpoints(folder, "driver", "0"))
    assert left >= "0002-0005"
    with sweep(folder, "driver") as process:
        said = ended(process)
    assert process.returncode == 0, said
    assert_same_bits(folder, "driver", undisturbed)


@pytest.mark.parametrize(
    ("sign", "name", "code"),
    [
        (signal.SIGTERM, "SIGTERM", 143),
        (signal.SIGHUP, "SIGHUP (the terminal was closed)", 129),
    ],
)
def test_a_stopped_sweep_ends_in_order_and_goes_on_within_its_trial_to_the_same_bits(
    folder: Path, undisturbed: DistanceResult, sign: signal.Signals, name: str, code: int
) -> None:
    storage, store = sign.name, folder / f"{sign.name}.db"
    options = ("--tracking-uri", f"sqlite:///{store}", "--progress", "jsonl")
    with sweep(folder, storage, *options) as process:
        assert process.stderr is not None
        while json.loads(next(process.stderr))["event"] != "iteration":
            assert process.poll() is None
        next(process.stderr)  # MLflow has been told of that iteration
        os.killpg(process.pid, sign)
        said = ended(process)
    assert process.returncode == code, said
    events = [json.loads(line) for line in said.splitlines()]
    (finish,) = (e for e in events if e["event"] not in ("segment", "iteration"))
    words = ["sweep", "faults.yaml", "--storage", storage, "--tracking-uri", "none", *options]
    again = shlex.join(["raytd", *words])
    assert finish["message"] == (
        f"stopped by {name}: 0 of 1 trials finished; run it again with: {again}"
    )
    wait_until_gone(storage)
    assert statuses(store) == ["KILLED", "KILLED"]
    left = max(p.name[:9] for p in checkpoints(folder, storage, "0"))
    with sweep(folder, storage, *options) as process:
        said = ended(process)
    assert process.returncode == 0, said
    places = [(e["iteration"], e["segment"]) for e in map(json.loads, said.splitlines())
              if e["event"] == "segment"]  # fmt: skip
    assert min(places) >= (int(left[:4]), int(left[5:]))
    assert statuses(store) == ["FINISHED", "FINISHED"]
    assert_same_bits(folder, storage, undisturbed)


def statuses(store: Path) -> list[str]:
    """How the runs of an MLflow store have ended."""
    with closing(sqlite3.connect(store)) as opened:
        return [status for (status,) in opened.execute("SELECT status FROM runs")]


def wait_until_gone(storage: str) -> None:
    """Fails if a process of that sweep stays, whatever group or parent it has."""
    deadline = time.monotonic() + 30
    while left := processes_with(f"RAYTD_TEST_STORAGE={storage}\0"):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def test_a_trial_whose_process_is_lost_every_time_fails_and_says_so(
    folder: Path, undisturbed: DistanceResult
) -> None:
    with sweep(folder, "doomed") as process:
        n_kills = 0
        while process.poll() is None:
            for pid in trial_processes("doomed"):
                os.kill(pid, signal.SIGKILL)
                n_kills += 1
            time.sleep(0.02)
        said = ended(process)
    assert process.returncode == 1
    assert "failed: its process was lost 4 times" in said
    assert "Traceback" not in said
    assert n_kills >= 4
    (trial,) = (folder / "doomed/faults/trials").iterdir()
    assert (trial / "log.txt").read_text().strip()


GREEDY = '''
"""A network that cannot have more than so many images at once."""

import torch
from torch import nn


class Greedy(nn.Module):
    def __init__(self, in_channels, n_classes, most):
        super().__init__()
        self.body = nn.Flatten()
        self.fc = nn.Linear(in_channels * 64, 8)
        self.head = nn.Linear(8, n_classes)
        self.most = most

    def forward(self, x):
        if len(x) > self.most:
            torch.empty(2**60)  # more than any machine has: the allocator's own error
        return self.head(self.fc(self.body(x)))


def greedy(in_channels, n_classes, most=60):
    return Greedy(in_channels, n_classes, most)
'''


def test_a_trial_that_runs_out_of_memory_starts_again_with_half_the_chunk(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "greedy_model.py").write_text(GREEDY)
    settings = ("--set", "model=greedy_model:greedy(most=60)", "--set", "coupled.support=blocks")
    with sweep(folder, "memory", *settings, "--set", "resources.chunk=6") as process:
        said = ended(process)
    assert process.returncode == 0, said
    (row,) = pq.read_table(folder / "memory/faults/results.parquet").to_pylist()
    assert row["chunk"] == 1
    (trial,) = (folder / "memory/faults/trials").iterdir()
    log = (trial / "log.txt").read_text()
    assert "warning: out of memory with chunk 6; begun again with 3" in log
    assert "warning: out of memory with chunk 3; begun again with 1" in log
    monkeypatch.syspath_prepend(folder)
    small = raytd.distance(
        "digits-low",
        "digits-high",
        config=folder / "faults.yaml",
        sources=folder / "memory/sources",
        model="greedy_model:greedy(most=60)",
        coupled={"support": "blocks"},
        resources={"chunk": 1},
    )
    assert row["distance"] == small.distance
    assert row["noise_free_length"] == small.noise_free_length


def test_a_trial_whose_memory_no_chunk_fits_into_fails_after_three_restarts_and_says_so(
    folder: Path,
) -> None:
    (folder / "greedy_model.py").write_text(GREEDY)
    settings = ("--set", "model=greedy_model:greedy(most=32)", "--set", "coupled.tile_size=6")
    with sweep(folder, "short", *settings, "--set", "resources.chunk=24") as process:
        said = ended(process)
    assert process.returncode == 1
    (row,) = pq.read_table(folder / "short/faults/results.parquet").to_pylist()
    assert row["status"] == "failed"
    assert not row["transient"]
    assert row["error"] == (
        "out of memory with resources.chunk = 3, after 3 restarts with half of it; set a smaller "
        "coupled.tile_size or trajectory.batch_size, or more blocks"
    )
    assert f"failed: {row['error']}" in said
    assert "Traceback" not in said
    log = (folder / "short/faults/trials" / row["trial_key"] / "log.txt").read_text()
    tries = [line for line in log.splitlines() if line.startswith("warning: out of memory")]
    assert tries == [
        f"warning: out of memory with chunk {chunk}; begun again with {chunk // 2}"
        for chunk in (24, 12, 6)
    ]


@pytest.fixture
def nodes(
    request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """A cluster of three nodes: the trial fits on the first, a block actor on each other one.

    Its parameter is the number of CPUs of the first.
    """
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("RAYTD_TEST_STORAGE", "nodes")
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": getattr(request, "param", 1)}
    )
    for _ in range(2):
        cluster.add_node(num_cpus=2)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()


def on_nodes(cluster: Any) -> tuple[str, ...]:
    return "--address", cluster.address, "--set", "resources.cpus_per_actor=2"


def test_a_lost_node_is_replaced_and_changes_nothing(
    nodes: Any, folder: Path, undisturbed: DistanceResult
) -> None:
    with sweep(folder, "lost", *on_nodes(nodes)) as process:
        wait_until(lambda: checkpoints(folder, "lost", "0001-0003"), process)
        nodes.remove_node(next(iter(nodes.worker_nodes)), allow_graceful=False)
        assert process.stderr is not None
        lines = iter(process.stderr)
        while not (line := next(lines)).startswith("waiting for"):
            assert process.poll() is None
        nodes.add_node(num_cpus=2)
        said = ended(process)
    assert line == "waiting for 2 CPUs (the cluster has 0.5 CPUs free)\n"
    assert process.returncode == 0, said
    assert_same_bits(folder, "lost", undisturbed)
    (trial,) = (folder / "lost/faults/trials").iterdir()
    assert "was made again" in (trial / "log.txt").read_text()


def test_without_a_replacement_the_wait_ends_in_one_line_and_a_later_sweep_goes_on(
    nodes: Any, folder: Path, undisturbed: DistanceResult
) -> None:
    limits = ("--set", "resources.wait_timeout_s=12.0")
    with sweep(folder, "poorer", *on_nodes(nodes), *limits) as process:
        wait_until(lambda: checkpoints(folder, "poorer", "0001-0003"), process)
        nodes.remove_node(next(iter(nodes.worker_nodes)), allow_graceful=False)
        said = ended(process)
    assert process.returncode == 1
    assert "waited 12 s for block actor" in said
    assert "Traceback" not in said
    (trial,) = (folder / "poorer/faults/trials").iterdir()
    assert "Traceback" in (trial / "log.txt").read_text()
    nodes.add_node(num_cpus=2)
    nodes.wait_for_nodes()
    with sweep(folder, "poorer", *on_nodes(nodes)) as process:
        said = ended(process)
    assert process.returncode == 0, said
    assert_same_bits(folder, "poorer", undisturbed)


def test_a_node_that_is_drained_and_then_goes_changes_nothing(
    nodes: Any, folder: Path, undisturbed: DistanceResult
) -> None:
    from ray._raylet import GcsClient
    from ray.core.generated import autoscaler_pb2

    why = autoscaler_pb2.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
    with sweep(folder, "drained", *on_nodes(nodes)) as process:
        wait_until(lambda: checkpoints(folder, "drained", "0001-0003"), process)
        leaving = next(iter(nodes.worker_nodes))
        in_two_seconds = int((time.time() + 2) * 1000)
        accepted, _ = GcsClient(address=nodes.address).drain_node(
            leaving.node_id, why, "preempted", in_two_seconds
        )
        nodes.add_node(num_cpus=2)
        wait_until(lambda: time.time() * 1000 > in_two_seconds, process)
        nodes.remove_node(leaving, allow_graceful=False)
        assert process.poll() is None
        said = ended(process)
    assert accepted
    assert process.returncode == 0, said
    assert_same_bits(folder, "drained", undisturbed)
    (trial,) = (folder / "drained/faults/trials").iterdir()
    assert "was made again" in (trial / "log.txt").read_text()


def node_of(cluster: Any, pid: int) -> Any:
    """The node whose raylet has started a process."""
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    (node,) = (
        n for n in cluster.worker_nodes if n.all_processes["raylet"][0].process.pid == parent
    )
    return node


@pytest.mark.parametrize("nodes", [0], indirect=True)
def test_a_lost_node_with_the_process_of_the_trial_and_its_coordinator_changes_nothing(
    nodes: Any, folder: Path, undisturbed: DistanceResult
) -> None:
    how = ("--address", nodes.address, "--set", "resources.cpus_per_actor=1")
    with sweep(folder, "moved", *how) as process:
        wait_until(lambda: checkpoints(folder, "moved", "0001-0003"), process)
        (pid,) = trial_processes("nodes")
        nodes.remove_node(node_of(nodes, pid), allow_graceful=False)
        nodes.add_node(num_cpus=2)
        said = ended(process)
    assert process.returncode == 0, said
    assert "its process was lost; it goes on from its checkpoint" in said
    assert_same_bits(folder, "moved", undisturbed)


HOG = """
import sys, time, ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
hog = ray.remote(num_cpus=2)(lambda: time.sleep(10**6)).remote()
while ray.available_resources().get("CPU", 0) > 3:
    time.sleep(0.1)
print("there", flush=True)
ray.get(hog)
"""


def test_what_others_hold_is_waited_for_in_words_and_not_for_ever(
    nodes: Any, folder: Path, undisturbed: DistanceResult
) -> None:
    hog = subprocess.Popen(
        [sys.executable, "-c", HOG, nodes.address], stdout=subprocess.PIPE, text=True
    )
    try:
        assert hog.stdout is not None
        assert hog.stdout.readline() == "there\n"
        limits = ("--set", "resources.wait_timeout_s=12.0")
        with sweep(folder, "hogged", *on_nodes(nodes), *limits) as process:
            said = ended(process)
    finally:
        hog.kill()
        hog.communicate()
    assert process.returncode == 1
    assert "waiting for 4.5 CPUs (the cluster has 3 CPUs free)\n" in said
    assert "no trial could be placed for 12 s; the same command goes on from here" in said
    assert "Traceback" not in said

"""What a fault costs: the time of a small trial with it, less that of one left in peace.

Run: python tests/benchmarks/faults.py [--rounds 3]

Every trial is a command of its own, the start of Ray and of Python included. The fault comes in the
middle of the second of four iterations. Faults take turns, so that a busy machine treats all alike.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from machine import machine
from victims import mark, processes

HANG_S = 20
"""After how long a call counts as hanging; an actor has to be made within it, too."""

SWEEP = f"""
name: NAME
tasks: [digits-low, digits-high]
data: {{train: 60, val: 20}}
pairs: [[digits-low, digits-high]]
methods: [coupled]
coupled: {{iterations: 4, blocks: 2, tile_size: 5}}
trajectory: {{steps: 320, batch_size: 10, lr: 0.01, segments: 20}}
pretrain: {{epochs: 4, batch_size: 10}}
stop: {{tolerance: 0}}
resources: {{cpus_per_actor: 0.5, threads: 1, checkpoint_every: 5, call_timeout_s: {HANG_S}}}
"""


@dataclass(frozen=True)
class Scene:
    """A sweep that runs.

    Attributes:
        driver: its process.
        checkpoints: folder of those of its trial.
        cluster: that it runs on, if it has not started its own.
    """

    driver: "subprocess.Popen[bytes]"
    checkpoints: Path
    cluster: Any


@dataclass(frozen=True)
class Fault:
    """What is done to a trial.

    Attributes:
        name: in the table.
        act: does it.
        peace: what it is compared with.
    """

    name: str
    act: Callable[[Scene], object] | None
    peace: str = "none"

    @property
    def on_nodes(self) -> bool:
        """Whether the trial runs on a cluster of three nodes."""
        return self.peace == NODES


NODES = "none, on three nodes"


def kill(kind: str, sign: signal.Signals = signal.SIGKILL) -> Callable[[Scene], None]:
    """Sends a signal to one process of a kind."""
    return lambda _: os.kill(min(processes(kind)), sign)


def kill_twice(_: Scene) -> None:
    """A block actor is killed, and so is the one that takes its place."""
    before = processes("block actor")
    os.kill(min(before), signal.SIGKILL)
    while not (new := set(processes("block actor")) - set(before)):
        threading.Event().wait(0.02)
    os.kill(min(new), signal.SIGKILL)


def lose(scene: Scene) -> None:
    """A node goes without a word, and another comes."""
    cluster = scene.cluster
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    cluster.add_node(num_cpus=2)


def drain(scene: Scene) -> None:
    """A node says that it goes in two seconds, and another comes."""
    from ray._raylet import GcsClient
    from ray.core.generated import autoscaler_pb2

    why = autoscaler_pb2.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
    cluster = scene.cluster
    leaving = next(iter(cluster.worker_nodes)).node_id
    in_two_seconds = int((time.time() + 2) * 1000)
    GcsClient(address=cluster.address).drain_node(leaving, why, "preempted", in_two_seconds)
    cluster.add_node(num_cpus=2)


def kill_and_corrupt(scene: Scene) -> None:
    """The driver is killed, and a byte of the newest checkpoint changes."""
    scene.driver.kill()
    scene.driver.wait()
    newest = max(scene.checkpoints.glob("[0-9]*"))
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)


FAULTS = (
    Fault("none", None),
    Fault("block actor killed", kill("block actor")),
    Fault("block actor killed twice in a row", kill_twice),
    Fault(f"block actor stopped, {HANG_S} s allowed", kill("block actor", signal.SIGSTOP)),
    Fault("coordinator killed", kill("coordinator")),
    Fault("trial process killed", kill("trial process")),
    Fault("driver killed, command given again", lambda scene: scene.driver.kill()),
    Fault("the same, newest checkpoint corrupted", kill_and_corrupt),
    Fault(NODES, None, peace=NODES),
    Fault("node lost, another comes", lose, peace=NODES),
    Fault("node drained, another comes", drain, peace=NODES),
)


@contextmanager
def nodes() -> Iterator[Any]:
    """A cluster of three nodes: the trial fits on the first, a block actor on each other one."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    for _ in range(2):
        cluster.add_node(num_cpus=2)
    cluster.wait_for_nodes()
    try:
        yield cluster
    finally:
        cluster.shutdown()


def begin(folder: Path, name: str, cluster: Any) -> "subprocess.Popen[bytes]":
    """Starts the sweep of that name."""
    (folder / f"{name}.yaml").write_text(SWEEP.replace("NAME", name))
    words = ["sweep", f"{name}.yaml", "--storage", "runs", "--tracking-uri", "none"]
    if cluster is not None:
        words += ["--address", cluster.address, "--set", "resources.cpus_per_actor=2"]
    output = (folder / f"{name}.log").open("ab")
    return subprocess.Popen(
        [sys.executable, "-m", "raytd", *words], cwd=folder, stdout=output, stderr=output
    )


def sweep(folder: Path, name: str, fault: Fault, cluster: Any = None) -> tuple[float, float]:
    """Seconds until the result is there, and the distance."""
    began = time.monotonic()
    driver = begin(folder, name, cluster)
    if fault.act is not None:
        while not (reached := [*folder.glob(f"runs/{name}/trials/*/checkpoint/0001-0010*")]):
            if driver.poll() is not None:
                raise RuntimeError((folder / f"{name}.log").read_text())
            threading.Event().wait(0.02)
        fault.act(Scene(driver, reached[0].parent, cluster))
    if driver.wait() == -signal.SIGKILL:
        driver = begin(folder, name, cluster)
        driver.wait()
    took = time.monotonic() - began
    if driver.returncode:
        raise RuntimeError((folder / f"{name}.log").read_text())
    (row,) = pq.read_table(folder / "runs" / name / "results.parquet").to_pylist()
    return took, row["distance"]


def run(folder: Path, name: str, fault: Fault) -> tuple[float, float]:
    """As `sweep`, on the cluster that the fault asks for."""
    if not fault.on_nodes:
        return sweep(folder, name, fault)
    with nodes() as cluster:
        return sweep(folder, name, fault, cluster)


def main() -> int:
    """Prints the table; the exit code says whether all bits were the same."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    mark()
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    print(machine())
    took: dict[str, list[float]] = {fault.name: [] for fault in FAULTS}
    distances = {fault.name: set[float]() for fault in FAULTS}
    with tempfile.TemporaryDirectory() as scratch:
        sweep(Path(scratch), "warm-up", FAULTS[0])
        for number in range(rounds):
            for place, fault in enumerate(FAULTS):
                seconds, distance = run(Path(scratch), f"fault-{place}-{number}", fault)
                took[fault.name].append(seconds)
                distances[fault.name].add(distance)
                print(f"round {number}: {fault.name}: {seconds:.1f} s", file=sys.stderr)
    print(f"{'fault':40s} {'median s':>9s} {'lost s':>7s}  same bits")
    for fault in FAULTS:
        median, peace = (statistics.median(took[name]) for name in (fault.name, fault.peace))
        same = distances[fault.name] == distances["none"] and len(distances["none"]) == 1
        told = "yes" if same else "NO"
        print(f"{fault.name:40s} {median:9.1f} {median - peace:7.1f}  {told}")
    return 0 if len(set.union(*distances.values())) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())

"""What a fault costs: the time of a small trial with it, less that of one left in peace.

Run: python tests/benchmarks/faults.py [--rounds 3]

Every trial is a command of its own. The fault comes in the middle of the second of four iterations.
Faults take turns, so that a busy machine treats all alike.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from machine import machine
from victims import mark, processes

HANG_S = 5
"""After how long a call counts as hanging, and its actor is killed."""

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


def kill(kind: str, sign: signal.Signals = signal.SIGKILL) -> Callable[[Any], None]:
    """Sends a signal to one process of a kind."""
    return lambda _: os.kill(min(processes(kind)), sign)


FAULTS: dict[str, Callable[[Any], None] | None] = {
    "none": None,
    "block actor killed": kill("block actor"),
    f"block actor stopped, {HANG_S} s allowed": kill("block actor", signal.SIGSTOP),
    "coordinator killed": kill("coordinator"),
    "trial process killed": kill("trial process"),
    "driver killed, command given again": lambda driver: driver.kill(),
}


def begin(folder: Path, name: str) -> "subprocess.Popen[bytes]":
    """Starts the sweep of that name."""
    (folder / f"{name}.yaml").write_text(SWEEP.replace("NAME", name))
    words = ["sweep", f"{name}.yaml", "--storage", "runs", "--tracking-uri", "none"]
    output = (folder / f"{name}.log").open("ab")
    return subprocess.Popen(
        [sys.executable, "-m", "raytd", *words], cwd=folder, stdout=output, stderr=output
    )


def sweep(folder: Path, name: str, fault: Callable[[Any], None] | None) -> tuple[float, float]:
    """Seconds until the result is there, and the distance."""
    began = time.monotonic()
    driver = begin(folder, name)
    if fault is not None:
        while not [*folder.glob(f"runs/{name}/trials/*/checkpoint/0001-0010*")]:
            if driver.poll() is not None:
                raise RuntimeError((folder / f"{name}.log").read_text())
            threading.Event().wait(0.02)
        fault(driver)
    if driver.wait() == -signal.SIGKILL:
        driver = begin(folder, name)
        driver.wait()
    took = time.monotonic() - began
    if driver.returncode:
        raise RuntimeError((folder / f"{name}.log").read_text())
    (row,) = pq.read_table(folder / "runs" / name / "results.parquet").to_pylist()
    return took, row["distance"]


def main() -> int:
    """Prints the table; the exit code says whether all bits were the same."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    mark()
    print(machine())
    took: dict[str, list[float]] = {fault: [] for fault in FAULTS}
    distances = {fault: set[float]() for fault in FAULTS}
    with tempfile.TemporaryDirectory() as scratch:
        sweep(Path(scratch), "warm-up", None)
        for number in range(rounds):
            for place, (fault, act) in enumerate(FAULTS.items()):
                seconds, distance = sweep(Path(scratch), f"fault-{place}-{number}", act)
                took[fault].append(seconds)
                distances[fault].add(distance)
    peace = statistics.median(took["none"])
    print(f"{'fault':40s} {'median s':>9s} {'lost s':>7s}  same bits")
    for fault, seconds in took.items():
        same = distances[fault] == distances["none"] and len(distances["none"]) == 1
        lost = statistics.median(seconds) - peace
        print(
            f"{fault:40s} {statistics.median(seconds):9.1f} {lost:7.1f}  {'yes' if same else 'NO'}"
        )
    return 0 if len(set.union(*distances.values())) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())

"""Small trials whose processes are killed at random for some minutes: nothing may be lost or leak.

Run: python tests/benchmarks/soak.py [--minutes 10] [--seed 0]

Batches of the same trials run one after another on one cluster of this machine, while block actors,
coordinators and processes of trials are killed; the last no oftener in a batch than one trial may
lose its process before it is given up. Every trial has to end once, with the bits of a run in one
process; open files, processes and memory are printed at each batch.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from machine import machine
from victims import KINDS, mark, memory_mb, processes

from raytd.engine.executor import run_in_process
from raytd.sweep.cluster import connect
from raytd.sweep.ledger import Row
from raytd.sweep.plan import make_plan
from raytd.sweep.runner import run_trials, train_sources
from raytd.sweep.spec import make_spec
from raytd.sweep.trial import Trial, run_trial
from raytd.sweep.trial_function import PROCESS_LOSSES

SWEEP: dict[str, Any] = {
    "tasks": ["digits-low", "digits-high"],
    "pairs": [["digits-low", "digits-high"]],
    "methods": ["coupled"],
    "grid": {"seed": [0, 1], "coupled.support": ["blocks", "global"]},
    "data": {"train": 30, "val": 20},
    "coupled": {"iterations": 2, "blocks": 2, "tile_size": 5},
    "trajectory": {"steps": 80, "batch_size": 8, "lr": 0.01, "segments": 20},
    "pretrain": {"epochs": 4, "batch_size": 10},
    "stop": {"tolerance": 0},
    "resources": {"cpus_per_actor": 0.5, "threads": 1},
}


class Counting:
    """Counts what the runner tells."""

    def __init__(self) -> None:
        self.ends: Counter[str] = Counter()
        self.rows: dict[str, Row] = {}

    def on_trained(self, name: str, outcome: str) -> None:
        """Nothing to count."""

    def on_begin(self, trial: Trial) -> None:
        """Nothing to count."""

    def on_place(self, trial: Trial, iteration: int, segment: int) -> None:
        """Nothing to count."""

    def on_wait(self, line: str) -> None:
        """Nothing to count."""

    def on_iteration(self, trial: Trial, figures: Row, knots: Sequence[Row]) -> None:
        """Nothing to count."""

    def on_end(self, trial: Trial, row: Row) -> None:
        """Counts the end of a trial."""
        self.ends[trial.key] += 1
        self.rows[trial.key] = row


class Killer(threading.Thread):
    """Kills one process after the other, at times and of kinds that a seed chooses."""

    def __init__(self, seed: int) -> None:
        super().__init__(daemon=True)
        self.random, self.over = random.Random(seed), threading.Event()
        self.kills: Counter[str] = Counter()
        self.left = PROCESS_LOSSES

    def spare(self) -> None:
        """A batch begins: its processes of trials may be killed so often again."""
        self.left = PROCESS_LOSSES

    def run(self) -> None:
        """Kills until it is over."""
        while not self.over.wait(self.random.uniform(4, 12)):
            kind = self.random.choice(sorted(KINDS))
            found = processes(kind)
            if not found or (kind == "trial process" and not self.left):
                continue
            try:
                os.kill(self.random.choice(found), signal.SIGKILL)
            except ProcessLookupError:
                continue
            self.kills[kind] += 1
            self.left -= kind == "trial process"


def state() -> str:
    """Open files and memory of this process, and how many others there are."""
    files = len(os.listdir("/proc/self/fd"))
    status = Path("/proc/self/status").read_text()
    memory = int(status.split("VmRSS:")[1].split()[0]) / 1024
    return f"{files:5d} files {threading.active_count():4d} threads {memory:7.0f} MB " + (
        f"{len(processes()):4d} other processes {memory_mb():7.0f} MB"
    )


def batch(n: int, folder: Path, nodes: Any, check: Callable[[Counting, Any], None]) -> None:
    """Runs the trials in a folder of their own."""
    plan = plan_of(f"soak-{n}", folder, nodes)
    counting = Counting()
    train_sources(plan, counting)
    run_trials(plan, counting)
    check(counting, plan)


def plan_of(name: str, folder: Path, nodes: Any) -> Any:
    """The trials under a name."""
    spec = make_spec({"name": name, **SWEEP}, caller="soak", base=None, overrides=())
    return make_plan(spec, data=folder, storage=folder, nodes=nodes)


def main() -> int:
    """Prints the table; the exit code says whether anything was lost."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    mark()
    print(machine())
    bad: list[str] = []
    n_trials = 0
    with tempfile.TemporaryDirectory() as scratch, connect(None) as nodes:
        folder = Path(scratch)
        wanted = {
            t.key: run_trial(t, launch=run_in_process, sources=folder / "sources")[1]["distance"]
            for t in plan_of("reference", folder, nodes).trials
        }

        def check(counting: Counting, plan: Any) -> None:
            for trial in plan.trials:
                row = counting.rows.get(trial.key, {"status": "lost"})
                if row["status"] != "done":
                    bad.append(f"{trial.config.name}: {row['status']}: {row.get('error')}")
                elif row["distance"] != wanted[trial.key]:
                    bad.append(f"{trial.config.name}: {row['distance']} is other bits")
                if counting.ends[trial.key] != 1:
                    bad.append(f"{trial.config.name}: ended {counting.ends[trial.key]} times")
            left = list(plan.folder.glob("trials/*/checkpoint/*"))
            bad.extend(f"{path} is left" for path in left)
            killer.spare()

        killer = Killer(asked.seed)
        killer.start()
        began = time.monotonic()
        n = 0
        while time.monotonic() - began < 60 * asked.minutes:
            print(f"batch {n:3d}, {time.monotonic() - began:5.0f} s: {state()}", flush=True)
            batch(n, folder, nodes, check)
            n, n_trials = n + 1, n_trials + len(wanted)
        killer.over.set()
        killer.join()
        print(f"at the end, {time.monotonic() - began:5.0f} s: {state()}")
    print(f"{n_trials} trials, killed: {dict(killer.kills)}, wrong: {len(bad)}")
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

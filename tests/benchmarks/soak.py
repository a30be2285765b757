"""Small trials whose processes are killed at random for some minutes: nothing may be lost or leak.

Run: python tests/benchmarks/soak.py [--minutes 10] [--seed 0]

Batches of the same trials run one after another on one cluster of this machine, while block actors,
coordinators and processes of trials are killed; the last no oftener in a batch than one trial may
lose its process before it is given up. Every trial has to end once, with the bits of a run in one
process in every column; open files, processes and memory are printed at each batch, and must not
grow from the second batch on.
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
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from machine import machine
from memory_use import resident_mib
from victims import KINDS, mark, memory_mb, open_files, processes

from raytd.engine.executor import run_in_process
from raytd.learning.places import TrainingPlace
from raytd.rows.row import Row
from raytd.sweep.cluster.connection import connect
from raytd.sweep.file.load import make_spec
from raytd.sweep.run.runner import run_trials, train_sources
from raytd.sweep.run.trial_function import PROCESS_LOSSES
from raytd.sweep.trials.networks import Network
from raytd.sweep.trials.plan import make_plan, write_plan
from raytd.sweep.trials.trial import Trial, run_trial

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

    def on_training(self, network: Network, place: TrainingPlace) -> None:
        """Nothing to count."""

    def on_trained(self, network: Network, outcome: str) -> None:
        """Nothing to count."""

    def on_begin(self, trial: Trial) -> None:
        """Nothing to count."""

    def on_start(self, trial: Trial, began: float) -> None:
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


@dataclass(frozen=True)
class State:
    """What is in use at one moment.

    Attributes:
        files: open files of this process.
        threads: of this process.
        mb: memory of this process.
        processes: others.
        their_files: open files of them.
        their_mb: memory of them.
    """

    files: int
    threads: int
    mb: float
    processes: int
    their_files: int
    their_mb: float

    @classmethod
    def now(cls) -> "State":
        """Looks."""
        return cls(
            files=len(os.listdir("/proc/self/fd")),
            threads=threading.active_count(),
            mb=resident_mib(),
            processes=len(processes()),
            their_files=open_files(),
            their_mb=memory_mb(),
        )

    def line(self, name: str, seconds: float) -> str:
        """A row of the table."""
        return f"| {name} | {seconds:.0f} | {' | '.join(f'{x:.0f}' for x in astuple(self))} |"

    def growth(self, before: "State") -> list[str]:
        """What has grown by more than a tenth and a little."""
        slack = {"mb": 100.0, "their_mb": 300.0, "their_files": 100, "processes": 2}
        return [
            f"{name} grew from {old:.0f} to {new:.0f}"
            for name, old in vars(before).items()
            if (new := getattr(self, name)) > 1.1 * old + slack.get(name, 5)
        ]


def figures(row: Row) -> Row:
    """The numbers of a row that may not depend on what was killed."""
    return {k: v for k, v in row.items() if isinstance(v, int | float) and k != "wall_s"}


def batch(n: int, folder: Path, nodes: Any, check: Callable[[Counting, Any], None]) -> None:
    """Runs the trials in a folder of their own."""
    plan = plan_of(f"soak-{n}", folder, nodes)
    write_plan(plan, b"")
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
            t.key: figures(run_trial(t, launch=run_in_process, sources=folder / "sources")[1])
            for t in plan_of("reference", folder, nodes).trials
        }

        def check(counting: Counting, plan: Any) -> None:
            for trial in plan.trials:
                row = counting.rows.get(trial.key, {"status": "lost"})
                if row["status"] != "done":
                    bad.append(f"{trial.config.name}: {row['status']}: {row.get('error')}")
                elif figures(row) != wanted[trial.key]:
                    bad.append(f"{trial.config.name}: {figures(row)} is not {wanted[trial.key]}")
                if counting.ends[trial.key] != 1:
                    bad.append(f"{trial.config.name}: ended {counting.ends[trial.key]} times")
            left = list(plan.folder.glob("trials/*/checkpoint/*"))
            bad.extend(f"{path} is left" for path in left)
            killer.spare()

        killer = Killer(asked.seed)
        killer.start()
        began = time.monotonic()
        print(f"| batch | after s | {' | '.join(State.__dataclass_fields__)} |")
        print("|---" * (2 + len(State.__dataclass_fields__)) + "|")
        states: list[State] = []
        while time.monotonic() - began < 60 * asked.minutes:
            states.append(State.now())
            print(states[-1].line(f"{len(states) - 1}", time.monotonic() - began), flush=True)
            batch(len(states), folder, nodes, check)
            n_trials += len(wanted)
        killer.over.set()
        killer.join()
        end = State.now()
        print(end.line("end", time.monotonic() - began))
        bad += end.growth(states[min(1, len(states) - 1)])
    print(f"{n_trials} trials, killed: {dict(killer.kills)}, wrong: {len(bad)}")
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

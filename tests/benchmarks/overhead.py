"""What a trial costs beside its arithmetic: Tune, actors, results on disk, and tracking.

Run: python tests/benchmarks/overhead.py [--trials 12]

Small trials of one shape run one after another on the actors of one placement group of a local
cluster, as `raytd sweep` runs them. `each` is the time from the end of one to the end of the next.
`between` is the part of it that is outside the trial (Tune, tracking, files), `calls` the part
inside it that its arithmetic, the CPU seconds of the same trial in this process, does not explain
(calls between actors, cutting images, waiting for the processor). The first trial, which waits for
processes to start and to import torch, stands by itself. What others do on the machine counts here.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from machine import machine

from raytd.cli.interruption import Interruption
from raytd.cli.progress import Progress
from raytd.cli.views.events import Nothing
from raytd.engine.executor import run_in_process
from raytd.learning.devices import torch_threads
from raytd.rows.row import Row
from raytd.sweep.cluster.connection import connect
from raytd.sweep.cost.forecast import forecast_of
from raytd.sweep.file.load import make_spec
from raytd.sweep.run.runner import run_trials, train_sources
from raytd.sweep.trials.plan import SweepPlan, make_plan, write_plan
from raytd.sweep.trials.trial import Trial, run_trial
from raytd.tracking.open import chosen_uri

SWEEP: dict[str, Any] = {
    "name": "overhead",
    "tasks": ["digits-low", "digits-high"],
    "pairs": [["digits-low", "digits-high"]],
    "methods": ["coupled"],
    "data": {"train": 30, "val": 20},
    "coupled": {"iterations": 2, "blocks": 1, "tile_size": 5},
    "trajectory": {"steps": 20, "batch_size": 8, "lr": 0.01, "segments": 10},
    "pretrain": {"epochs": 1, "batch_size": 10},
    "stop": {"tolerance": 0},
    "resources": {"cpus_per_actor": 1, "threads": 1},
}


class Timed(Progress):
    """Notes when trials end and how long the tracker takes of it."""

    def __init__(self, plan: SweepPlan, tracking_uri: str | None) -> None:
        forecast = forecast_of(plan.missing, {}, at_once=1)
        super().__init__(plan, tracking_uri, Nothing(), forecast, Interruption())
        self.ends: list[float] = []
        self.walls: list[float] = []
        self.tracking_s = 0.0

    def on_iteration(self, trial: Trial, figures: Row, knots: Sequence[Row]) -> None:
        """An iteration, with the time that telling the tracker takes."""
        started = time.perf_counter()
        super().on_iteration(trial, figures, knots)
        self.tracking_s += time.perf_counter() - started

    def on_end(self, trial: Trial, row: Row) -> None:
        """An end, likewise."""
        started = time.perf_counter()
        self.ends.append(started)
        self.walls.append(row["wall_s"])
        super().on_end(trial, row)
        self.tracking_s += time.perf_counter() - started


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=12)
    n = parser.parse_args().trials
    print(machine())
    with tempfile.TemporaryDirectory(prefix="raytd-overhead-") as folder:
        measure(Path(folder), n)


def measure(folder: Path, n_trials: int) -> None:
    """Runs the trials here and on actors, untracked and tracked."""
    lam = [10.0 + i for i in range(n_trials)]
    spec = make_spec({**SWEEP, "grid": {"coupled.lam": lam}}, caller="overhead")
    print("| tracking | first (s) | each (s) | arithmetic (s) | calls (s) | between (s) "
          "| of it tracking (s) |\n|---|---|---|---|---|---|---|")  # fmt: skip
    with connect(None) as nodes:
        for name, uri in (("none", None), ("SQLite", chosen_uri(None, folder / "mlflow"))):
            plan = make_plan(spec, data=folder, storage=folder / name, nodes=nodes)
            write_plan(plan, b"")
            listener = Timed(plan, uri)
            train_sources(plan, listener)
            inside = [in_process(trial, plan.sources) for trial in plan.trials[:4]]
            started = time.perf_counter()
            run_trials(plan, listener, max_concurrent=1)
            gaps = [b - a for a, b in zip(listener.ends, listener.ends[1:], strict=False)]
            outside = [gap - wall for gap, wall in zip(gaps, listener.walls[1:], strict=True)]
            each, between = statistics.median(gaps), statistics.median(outside)
            work = min(inside)
            print(f"| {name} | {listener.ends[0] - started:.2f} | {each:.2f} | {work:.2f} "
                  f"| {each - between - work:.2f} | {between:.2f} "
                  f"| {listener.tracking_s / n_trials:.2f} |", flush=True)  # fmt: skip
            listener.close("done")


def in_process(trial: Trial, sources: Path) -> float:
    """CPU seconds that a trial takes without a cluster."""
    started = time.process_time()
    with torch_threads(1):
        run_trial(trial, launch=run_in_process, sources=sources)
    return time.process_time() - started


if __name__ == "__main__":
    main()

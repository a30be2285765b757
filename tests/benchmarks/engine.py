"""How much of a network's bare speed the engine reaches, in what precision, on how many actors.

    python tests/benchmarks/engine.py [--rounds 5] [--gpu]      the bare network against a worker
    python tests/benchmarks/engine.py --profile wrn-16-1        where a worker's time goes
    python tests/benchmarks/engine.py --precision [--seeds 3]   bfloat16: speed, effect on lengths
    python tests/benchmarks/engine.py --actors [--scale 4]      one actor against two on one trial
    python tests/benchmarks/engine.py --checkpoints             what checkpoints take of that trial

Images a second; the kinds of calls take turns, and of all rounds the best counts. One thread, and
on a CPU its own time is counted, so that other work on the machine disturbs as little as it can.
"""

import argparse
import copy
import cProfile
import io
import itertools
import pstats
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from machine import machine
from torch import nn
from torch.profiler import ProfilerActivity

from raytd.engine import coordinator
from raytd.engine.block import BlockSetup
from raytd.engine.checkpoints import Checkpoints, CheckpointSettings, Snapshot
from raytd.engine.config import ResourcesConfig, TrajectoryConfig
from raytd.engine.coordinator import Cut
from raytd.engine.executor import run_in_process
from raytd.engine.records import Iteration, Plan
from raytd.engine.worker import BlockWorker
from raytd.learning.images import ImageSlice
from raytd.sweep.trials.single import single_trial
from raytd.sweep.trials.trial import Trial, run_trial
from raytd.transfer.precision import forward
from raytd.transfer.settings import Precision
from raytd.transfer.state import TrainState, Weights
from raytd.transport.solvers.problem import independent_coupling

N_TILES, TILE, BATCH, SEGMENTS, STEPS = 2, 25, 20, 20, 100
CASES = {"cnn8-narrow": (1, 16), "wrn-16-1": (3, 16)}
"""Channels and side of the images, by network."""
FORMATS = (torch.channels_last, torch.contiguous_format)
SGD = {"lr": 1e-3, "momentum": 0.9, "weight_decay": 5e-4}
ONE_PATH = (20, 100, 300)
"""Segments into which one path is cut, to see from which length on rounding shows."""
QUICKSTART = Path(__file__).parents[2] / "sweeps" / "quickstart.yaml"

Job = Callable[[], object]


@dataclass(frozen=True)
class Bench:
    """A worker on random images, with the bare network on the same sizes."""

    model: str
    use_gpu: bool = False
    precision: Precision = "float32"
    case: tuple[int, int] | None = None
    batch: int = BATCH

    def jobs(self) -> dict[str, tuple[int, Job]]:
        """Each kind of call, with the images that it handles."""
        worker = BlockWorker(self.setup())
        start = TrainState.at_rest(Weights.of(worker.model))
        coupling = np.full((N_TILES, TILE, TILE), 1 / (N_TILES * TILE**2))
        trajectory = itertools.count()
        n = N_TILES * TILE**2
        jobs: dict[str, tuple[int, Job]] = {
            # A new trajectory knows no log probabilities, so that both ends go forward.
            "measure": (
                2 * n,
                lambda: worker.measure(next(trajectory), (10, 11), *2 * (start.weights,), coupling),
            ),
            "advance": (STEPS * self.batch, lambda: worker.advance(3, start, coupling)),
        }
        return jobs | self.bare(worker)

    def bare(self, worker: BlockWorker) -> dict[str, tuple[int, Job]]:
        """The kinds of calls of the network alone."""
        jobs: dict[str, tuple[int, Job]] = {}
        for layout in FORMATS:
            jobs[f"forward {layout}"] = (N_TILES * TILE**2, self.bare_forward(worker, layout))
            jobs[f"train {layout}"] = (STEPS * self.batch, self.bare_training(worker, layout))
        return jobs

    def bare_forward(self, worker: BlockWorker, layout: torch.memory_format) -> Job:
        """The network alone on a chunk of images, as often as there are tiles."""
        model, images = self._bare(worker, TILE**2, layout)
        model.eval()

        def run() -> None:
            with torch.inference_mode():
                for _ in range(N_TILES):
                    forward(model, images, self.precision)

        return run

    def bare_training(self, worker: BlockWorker, layout: torch.memory_format) -> Job:
        """Forward, backward and step on one batch, as often as a segment has steps."""
        model, images = self._bare(worker, self.batch, layout)
        model.train()
        labels = torch.arange(self.batch, device=worker.device) % 10
        optimizer = torch.optim.SGD(model.parameters(), **SGD)

        def run() -> None:
            for _ in range(STEPS):
                optimizer.zero_grad(set_to_none=True)
                F.cross_entropy(forward(model, images, self.precision), labels).backward()
                optimizer.step()

        return run

    def _bare(
        self, worker: BlockWorker, n: int, layout: torch.memory_format
    ) -> tuple[nn.Module, torch.Tensor]:
        channels, side = self.case or CASES[self.model]
        images = torch.randn(n, channels, side, side, generator=torch.Generator().manual_seed(0))
        model = copy.deepcopy(worker.model).to(memory_format=layout)
        return model, images.to(worker.device).contiguous(memory_format=layout)

    def setup(self) -> BlockSetup:
        """A block of a few tiles, as long a segment as the paper's are."""
        rng = np.random.default_rng(0)
        channels, side = self.case or CASES[self.model]

        def images(n: int) -> ImageSlice:
            pixels = rng.integers(0, 256, (n, channels, side, side), dtype=np.uint8)
            return ImageSlice(pixels, rng.integers(0, 10, n), (0.5,) * channels, (0.3,) * channels)

        index = np.arange(N_TILES * TILE).reshape(N_TILES, TILE)
        source, target, validation, *probes = (images(n) for n in (index.size, index.size, 8, 8, 8))
        return BlockSetup(
            block=0,
            source=source,
            target=target,
            validation=validation,
            probes=(probes[0], probes[1]),
            rows=index,
            cols=index,
            model=self.model,
            n_classes=10,
            run_seed=0,
            steps=STEPS * SEGMENTS,
            trajectory=TrajectoryConfig(
                segments=SEGMENTS, batch_size=self.batch, precision=self.precision, **SGD
            ),
            resources=ResourcesConfig(gpus_per_actor=int(self.use_gpu)),
        )


def best_speeds(jobs: dict[str, tuple[int, Job]], rounds: int, *, gpu: bool) -> dict[str, float]:
    """Images a second of each job, in its best round; the first round is not counted."""
    best = dict.fromkeys(jobs, 0.0)
    for n in range(rounds + 1):
        for name, (images, job) in jobs.items():
            seconds = seconds_of(job, gpu=gpu)
            best[name] = max(best[name], images / seconds) if n else 0.0
    return best


def seconds_of(job: Job, *, gpu: bool) -> float:
    """Time of this process on a CPU, of the clock on a GPU."""
    clock = time.perf_counter if gpu else time.process_time
    began = clock()
    job()
    if gpu:
        torch.cuda.synchronize()
    return clock() - began


def print_throughput(rounds: int, *, gpu: bool) -> None:
    """The bare network, the worker, and their ratio."""
    print("| network | images | forward | measuring | ratio | training | advancing | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for model, (channels, side) in CASES.items():
        speeds = best_speeds(Bench(model, gpu).jobs(), rounds, gpu=gpu)
        cells = [model, f"{side}×{side}×{channels}"]
        for bare, ours in (("forward", "measure"), ("train", "advance")):
            fastest = max(v for name, v in speeds.items() if name.startswith(bare))
            cells += [f"{fastest:.0f}", f"{speeds[ours]:.0f}", f"{speeds[ours] / fastest:.2f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


def print_profile(model: str, *, gpu: bool) -> None:
    """Where the time of measuring and of advancing goes, by operation and by our functions."""
    jobs = Bench(model, gpu).jobs()
    activities = torch.profiler.supported_activities() if gpu else [ProfilerActivity.CPU]
    for name in ("measure", "advance"):
        job = jobs[name][1]
        job()
        with torch.profiler.profile(activities=activities) as profile:
            job()
        by = "self_device_time_total" if gpu else "self_cpu_time_total"
        print(f"\n{name}, by operation of torch")
        print(profile.key_averages().table(sort_by=by, row_limit=12), flush=True)
        calls = cProfile.Profile()
        calls.runcall(job)
        text = io.StringIO()
        pstats.Stats(calls, stream=text).sort_stats("cumulative").print_stats("raytd", 14)
        table = text.getvalue()
        print(f"{name}, by function of raytd\n" + table[table.index("   ncalls") :].rstrip())


def print_precision(rounds: int, seeds: int, *, gpu: bool) -> None:
    """What bfloat16 does to the speed of a worker, and to the lengths of the first sweep."""
    columns = ("measuring, float32", "bfloat16", "times", "advancing, float32", "bfloat16", "times")
    print(f"| network | {' | '.join(columns)} |")
    print("|---|---|---|---|---|---|---|")
    for model in CASES:
        jobs = {
            f"{name} {precision}": job
            for precision in ("float32", "bfloat16")
            for name, job in Bench(model, gpu, precision).jobs().items()
            if name in ("measure", "advance")
        }
        speeds, cells = best_speeds(jobs, rounds, gpu=gpu), [model]
        for name in ("measure", "advance"):
            one, two = (speeds[f"{name} {p}"] for p in ("float32", "bfloat16"))
            cells += [f"{one:.0f}", f"{two:.0f}", f"{two / one:.2f}"]
        print(f"| {' | '.join(cells)} |", flush=True)
    columns = ("distance", "fisher_rao_length", "noise_free_length", "target_accuracy")
    paths = [f"one path, M = {m}" for m in ONE_PATH]
    print(f"\n| seed | precision | {' | '.join([*columns, *paths])} |")
    print("|---" * (len(columns) + len(paths) + 2) + "|")
    with tempfile.TemporaryDirectory() as folder:
        for seed, precision in itertools.product(range(seeds), ("float32", "bfloat16")):
            trial = quickstart(f"seed={seed}", f"trajectory.precision={precision}")
            kept: list[tuple[Plan, Cut]] = []

            def launch(plan: Plan, cut: Cut) -> Iterator[Iteration]:
                kept.append((plan, cut))  # noqa: B023 - called at once
                return run_in_process(plan, cut)

            row = run_trial(trial, launch=launch, sources=Path(folder))[1]
            cells = " | ".join(f"{row[c]:.3f}" for c in columns)
            lengths = [length_of_one_path(*kept[0], precision, segments=m) for m in ONE_PATH]
            paths = [f"{length:.4f}" for length in lengths]
            print(f"| {seed} | {precision} | {cells} | {' | '.join(paths)} |", flush=True)


def length_of_one_path(plan: Plan, cut: Cut, precision: Precision, *, segments: int) -> float:
    """Length of the path that block 0 takes in float32 under a bᵀ, measured in a precision."""
    setup = cut(plan.tiles)[0].moving(segments=segments)
    mover = BlockWorker(setup.moving(precision="float32"))
    meter = BlockWorker(setup.moving(precision=precision))
    tiles = plan.tiles
    coupling = independent_coupling(tiles.a, tiles.b)[tiles.block(0, plan.n_blocks)].numpy()
    state, length = TrainState.at_rest(plan.start), 0.0
    for segment in range(segments):
        before, state = state, mover.advance(segment, state, coupling).state
        ends = before.weights, state.weights
        found = meter.measure(0, (segment, segment + 1), *ends, coupling)
        length += (found.second.sum() / coupling.sum()) ** 0.5
    return float(length)


def quickstart(*overrides: str) -> Trial:
    """The coupled trial of the first sweep from low to high digits, with changes."""
    return single_trial(
        ("digits-low", "digits-high"),
        {"methods": ["coupled"]},
        config=QUICKSTART,
        overrides=overrides,
        caller="engine.py",
    )


def print_actors(scale: int, rounds: int) -> None:
    """Seconds of the scaled trial on one actor and on two, and how busy they were."""
    import ray

    from raytd.engine.on_ray.pool import ActorPool, ActorShape
    from raytd.sweep.cluster.connection import connect

    sizes = (f"data.train={120 * scale}", f"trajectory.steps={300 * scale}")
    trial = quickstart(*sizes, "stop.tolerance=0")
    bare = bare_seconds(trial)
    heads = ("round", "actors", "seconds", "CPU seconds of each actor", "the bare network's")
    print(f"| {' | '.join(heads)} | of the coordinator | distance |")
    print("|---|---|---|---|---|---|---|")
    best = {1: float("inf"), 2: float("inf")}
    with tempfile.TemporaryDirectory() as scratch, connect(None):
        pools = {n: ActorPool(ActorShape(n, cpus=0.25, gpus=0)) for n in best}
        folder = Path(scratch)
        for pool in pools.values():  # starts the actors, and trains the sources
            run_trial(quickstart(), launch=pool.launch, sources=folder)
            warm = quickstart(*sizes, "trajectory.steps=20", "coupled.iterations=1")
            run_trial(warm, launch=pool.launch, sources=folder)
        for number, (n, pool) in itertools.product(range(rounds), pools.items()):
            pids = ray.get([h.pid.remote() for h in pool.hosts])
            pids.append(ray.get(pool.coordinator.ping.remote()))
            took: list[float] = []
            used = [cpu_seconds(pid) for pid in pids]

            def launch(plan: Plan, cut: Cut) -> Iterable[Iteration]:
                settings = CheckpointSettings(folder / f"{number}-{n}")  # noqa: B023
                began = time.perf_counter()
                yield from pool.launch(plan, cut, checkpoints=settings)  # noqa: B023
                took.append(time.perf_counter() - began)  # noqa: B023

            row: dict[str, Any] = run_trial(trial, launch=launch, sources=folder)[1]
            used = [cpu_seconds(pid) - u for pid, u in zip(pids, used, strict=True)]
            best[n] = min(best[n], took[0])
            each = ", ".join(f"{u:.1f}" for u in used[:-1])
            share = f"{bare:.1f} ({bare / sum(used[:-1]):.2f})"
            cells = [number, n, f"{took[0]:.1f}", each, share, f"{used[-1]:.1f}", row["distance"]]
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
    print(f"\nspeed-up: {best[1] / best[2]:.2f}")


class TimedCheckpoints(Checkpoints):
    """Checkpoints that know what all of them have taken, in seconds."""

    taken: ClassVar[list[float]] = []

    def _timed(self, snapshot: Callable[[], Snapshot]) -> list[str]:
        began = time.perf_counter()
        try:
            return super()._timed(snapshot)
        finally:
            self.taken.append(time.perf_counter() - began)


def print_checkpoints(scale: int) -> None:
    """Number, time and share of the checkpoints of the scaled trial in this process."""
    sizes = (f"data.train={120 * scale}", f"trajectory.steps={300 * scale}")
    trial = quickstart(*sizes, "stop.tolerance=0")
    coordinator.Checkpoints = TimedCheckpoints  # type: ignore[misc]
    print("| checkpoint_every | checkpoints | ms each | seconds of the trial | share |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        run_trial(quickstart("coupled.iterations=1", *sizes), launch=run_in_process, sources=folder)
        for every in (None, 5, 1):
            TimedCheckpoints.taken.clear()
            settings = CheckpointSettings(folder / str(every), every=every)

            def launch(plan: Plan, cut: Cut) -> Iterable[Iteration]:
                return run_in_process(plan, cut, checkpoints=settings)  # noqa: B023

            began = time.perf_counter()
            run_trial(trial, launch=launch, sources=folder)
            took, spent = time.perf_counter() - began, sum(TimedCheckpoints.taken)
            n = len(TimedCheckpoints.taken)
            cells = [every or "auto", n, f"{1000 * spent / n:.0f}", f"{took:.1f}"]
            print(f"| {' | '.join(map(str, cells))} | {100 * spent / took:.1f} % |", flush=True)


def bare_seconds(trial: Trial) -> float:
    """CPU seconds that the bare network takes for all images of a trial, forward and in training.

    The forward passes through validation pairs, which also carry a derivative, count as plain ones.
    """
    work = trial.work
    assert work is not None
    config, images = trial.config, trial.source.train.images
    case = (images.shape[1], images.shape[-1])
    batch = config.trajectory.batch_size
    bench = Bench(config.model, case=case, batch=batch)
    speeds = best_speeds(bench.bare(BlockWorker(bench.setup())), 3, gpu=False)
    fastest = {
        kind: max(v for name, v in speeds.items() if name.startswith(kind))
        for kind in ("forward", "train")
    }
    return work.forward_images / fastest["forward"] + work.all_sgd_steps * batch / fastest["train"]


def cpu_seconds(pid: int) -> float:
    """Time that a process has computed so far, from Linux's /proc."""
    import os

    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--profile", choices=CASES)
    parser.add_argument("--precision", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--actors", action="store_true")
    parser.add_argument("--checkpoints", action="store_true")
    parser.add_argument("--scale", type=int, default=4)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{machine()}\n")
    if asked.profile:
        print_profile(asked.profile, gpu=asked.gpu)
    elif asked.precision:
        print_precision(asked.rounds, asked.seeds, gpu=asked.gpu)
    elif asked.actors:
        print_actors(asked.scale, asked.rounds)
    elif asked.checkpoints:
        print_checkpoints(asked.scale)
    else:
        print_throughput(asked.rounds, gpu=asked.gpu)


if __name__ == "__main__":
    main()

"""Which length depends least on how it is measured?

    python tests/benchmarks/noise_free.py [--processes 2] [--seeds 3] [--steps 1600] [--lr 0.003]
        [--keep FILE]

Digits 0-4 to 5-9, cnn8-narrow, independent coupling, a fixed number of steps; the number of
segments, the batch size, the number of blocks and the seed vary. A length that says something of
the tasks should not care. For each estimator the table shows its mean over all runs; the smallest
and the largest mean of one setting (seeds averaged), relative to it; and how much seeds scatter
within a setting. `error / scatter` of the noise-free length is the root mean square of the error
figure that each run states, over the scatter of its value between seeds. `--keep` goes on where it
was ended.
"""

import argparse
import itertools
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from kept_runs import run_all
from machine import machine

import raytd
from raytd.engine.records import Iteration
from raytd.transfer.lengths import Moments, two_scale_pieces

SEGMENTS, BATCHES, BLOCKS = (20, 40, 80), (20, 100), (1, 2, 4)


@dataclass(frozen=True)
class Setting:
    """How a path is measured."""

    segments: int
    batch_size: int
    blocks: int


@dataclass(frozen=True)
class Job:
    """One run, with what all runs have in common."""

    setting: Setting
    seed: int
    steps: int
    lr: float


@dataclass(frozen=True)
class Run:
    """What one run measured, in radians."""

    setting: Setting
    seed: int
    lengths: dict[str, float]
    error: float
    accuracy: float


def run(job: Job, sources: str) -> dict[str, Any]:
    """The lengths of one trajectory, its stated error and its accuracy."""
    torch.set_num_threads(1)
    result = raytd.distance(
        "digits-low",
        "digits-high",
        method="uncoupled",
        seed=job.seed,
        data={"train": 120, "val": 200},
        coupled={"blocks": job.setting.blocks, "tile_size": 10},
        trajectory={
            "steps": job.steps,
            "lr": job.lr,
            "segments": job.setting.segments,
            "batch_size": job.setting.batch_size,
        },
        sources=sources,
    )
    return {
        "lengths": lengths_of(result.iterations[-1], job.setting.segments),
        "error": result.noise_free_error,
        "accuracy": result.target_accuracy,
    }


def lengths_of(record: Iteration, segments: int) -> dict[str, float]:
    """Lengths of one path by the name of their estimator."""
    found = record.lengths
    return {
        "distance at M": found.distance,
        "Fisher-Rao length at M": found.fisher_rao_length,
        "Fisher-Rao length at 20": raw(record.moments[segments // 20]),
        "Fisher-Rao length at 10": raw(record.moments[segments // 10][::2]),
        "two scales, end to end": end_to_end(record, segments // 20),
        "two scales, overlapping": found.noise_free_length,
        "two scales, pooled": found.pooled_length,
    }


def raw(moments: Sequence[Moments]) -> float:
    """Fisher-Rao length from segments that lie end to end."""
    return sum(math.sqrt(m.second) for m in moments)


def end_to_end(record: Iteration, fine: int) -> float:
    """The two-scale length from coarse segments that do not overlap."""
    squares = [[m.second for m in record.moments[fine * n]] for n in (1, 2)]
    return sum(two_scale_pieces(squares[0], squares[1])[::2])


def spread_line(name: str, runs: Sequence[Run]) -> str:
    """An estimator's mean, how far settings depart from it, and how far seeds scatter.

    The last figure is of single runs: half of their range, over the mean.
    """
    groups = by_setting(runs)
    values = {s: [r.lengths[name] for r in g] for s, g in groups.items()}
    all_of = [v for group in values.values() for v in group]
    mean = statistics.fmean(all_of)
    means = [statistics.fmean(group) / mean - 1 for group in values.values()]
    return (
        f"| {name} | {mean:.2f} | {min(means):+.0%} … {max(means):+.0%} "
        f"| {scatter(values.values()) / mean:.0%} | {(max(all_of) - min(all_of)) / 2 / mean:.3f} |"
    )


def scatter(groups: Iterable[Sequence[float]]) -> float:
    """Standard deviation between seeds, pooled over settings."""
    variances = [statistics.variance(group) for group in groups if len(group) > 1]
    return math.sqrt(statistics.fmean(variances)) if variances else math.nan


def calibration(runs: Sequence[Run]) -> float:
    """Stated error of the noise-free length over its scatter between seeds."""
    stated = math.sqrt(statistics.fmean(r.error**2 for r in runs))
    name = "two scales, overlapping"
    return stated / scatter([r.lengths[name] for r in g] for g in by_setting(runs).values())


def by_setting(runs: Sequence[Run]) -> dict[Setting, list[Run]]:
    """Runs of one setting together."""
    groups: dict[Setting, list[Run]] = {}
    for each in runs:
        groups.setdefault(each.setting, []).append(each)
    return groups


def setting_line(setting: Setting, runs: Sequence[Run]) -> str:
    """One setting's lengths, averaged over seeds."""
    means = {n: statistics.fmean(r.lengths[n] for r in runs) for n in runs[0].lengths}
    cells = " | ".join(f"{v:.2f}" for v in means.values())
    accuracy = statistics.fmean(r.accuracy for r in runs)
    return (
        f"| {setting.segments} | {setting.batch_size} | {setting.blocks} | {cells} "
        f"| {accuracy:.3f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--lr", type=float, default=0.003)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    settings = [Setting(*s) for s in itertools.product(SEGMENTS, BATCHES, BLOCKS)]
    torch.set_num_threads(1)  # as in the runs
    print(f"{machine()}; {options.steps} steps at {options.lr:g}, {options.seeds} seeds")
    jobs = [
        Job(setting, seed, options.steps, options.lr)
        for seed in range(options.seeds)
        for setting in settings
    ]
    found = run_all(run, jobs, options.keep, options.processes)
    runs = [Run(job.setting, job.seed, **of) for job, of in found.items()]
    names = list(runs[0].lengths)
    print("\n| estimator | mean | settings | seeds | half range |\n|---|---|---|---|---|")
    for name in names:
        print(spread_line(name, runs))
    print(f"\nerror / scatter of the noise-free length: {calibration(runs):.2f}")
    print(f"\n| M | batch | blocks | {' | '.join(names)} | accuracy |")
    print("|---" * (len(names) + 4) + "|")
    for setting, group in by_setting(runs).items():
        print(setting_line(setting, group))


if __name__ == "__main__":
    main()

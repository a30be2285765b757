"""What should the work of a trial be spent on: moving, measuring, or larger batches?

    python tests/benchmarks/reliability.py [--processes 2] [--seeds 3] [--keep FILE]

Five tasks of three handwritten digits each, in all 20 directions, `ot-only`. A number is reliable
if another seed, with other images, another source network and other draws of SGD, puts the pairs in
the same order: Spearman's correlation over the pairs, mean over pairs of seeds. One thing at a time
departs from the first line of the table. Cost counts passes of one image, a backward pass as two:
those that move the weights, and those that measure. `--keep` goes on where it was ended.
"""

import argparse
import itertools
import math
import statistics
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from kept_runs import run_all
from machine import machine
from noise_free import end_to_end
from scipy.stats import spearmanr

import raytd
from raytd.methods.paths.result import DistanceResult

TASKS = {
    "a": (0, 1, 2),
    "b": (2, 3, 4),
    "c": (4, 5, 6),
    "d": (6, 7, 8),
    "e": (8, 9, 0),
}

IMAGES = 60


@dataclass(frozen=True)
class Setting:
    """How much of what is done."""

    steps: int = 750
    lr: float = 0.01
    batch_size: int = 20
    segments: int = 20
    tile_size: int = 4
    averaging: str = "window"


FIRST = Setting()
SETTINGS = (
    FIRST,
    replace(FIRST, averaging="none"),
    replace(FIRST, steps=300),
    replace(FIRST, steps=1500),
    replace(FIRST, steps=1500, lr=0.005),
    replace(FIRST, steps=250, lr=0.03, batch_size=60),
    replace(FIRST, steps=500, lr=0.03, batch_size=60),
    replace(FIRST, segments=10),
    replace(FIRST, tile_size=2),
)


@dataclass(frozen=True)
class Job:
    """One trial."""

    setting: Setting
    seed: int
    source: str
    target: str


def run(job: Job, sources: str) -> dict[str, float]:
    """The lengths of one trial and what they cost."""
    torch.set_num_threads(1)
    own = asdict(job.setting)
    tile_size = own.pop("tile_size")
    start = time.process_time()
    result = raytd.distance(
        task(job.source),
        task(job.target),
        method="ot-only",
        model="cnn8-narrow",
        seed=job.seed,
        coupled={"blocks": 1, "tile_size": tile_size},
        trajectory=own,
        pretrain={"epochs": 40, "batch_size": 20, "lr": 0.05},
        sources=sources,
    )
    assert isinstance(result, DistanceResult)
    return {
        "distance": result.distance,
        "noise-free": result.noise_free_length,
        "end to end": end_to_end(result.iterations[-1], max(1, job.setting.segments // 20)),
        "noise share": result.noise_share,
        "seconds": time.process_time() - start,
    }


def task(name: str) -> dict[str, Any]:
    """`IMAGES` images of three digits, other ones for each seed."""
    classes = list(map(str, TASKS[name]))
    return {"name": name, "dataset": "digits", "classes": classes, "train": IMAGES, "val": 120}


def agreement(runs: Mapping[tuple[int, str, str], float], seeds: int) -> float:
    """Mean Spearman correlation of two seeds over the pairs."""
    pairs = list(itertools.permutations(TASKS, 2))
    orders = [[runs[seed, s, t] for s, t in pairs] for seed in range(seeds)]
    return statistics.fmean(
        float(spearmanr(x, y).statistic) for x, y in itertools.combinations(orders, 2)
    )


def line(setting: Setting, found: Mapping[Job, dict[str, float]], seeds: int) -> str:
    """One setting's reliability and cost."""
    own = {(j.seed, j.source, j.target): r for j, r in found.items() if j.setting == setting}
    cells = [" ".join(changes(setting)) or f"{setting.steps} × {setting.batch_size}, the rest"]
    for name in ("distance", "noise-free"):
        cells += figures(own, name, seeds)
    cells.append(f"{statistics.fmean(r['noise share'] for r in own.values()):.2f}")
    n_pairs = IMAGES * setting.tile_size
    moved = 3 * setting.steps * setting.batch_size
    cells.append(f"{moved / 1000:.0f}")
    cells.append(f"{n_pairs * setting.segments / 1000:.0f}")
    cells.append(f"{statistics.fmean(r['seconds'] for r in own.values()):.1f}")
    return f"| {' | '.join(cells)} |"


def strides_line(setting: Setting, found: Mapping[Job, dict[str, float]], seeds: int) -> str:
    """What each way to leave the noise out of the length makes of the same runs."""
    own = {(j.seed, j.source, j.target): r for j, r in found.items() if j.setting == setting}
    cells = [" ".join(changes(setting)) or "the first"]
    for name in ("noise-free", "end to end"):
        cells.append(f"{statistics.fmean(r[name] for r in own.values()):.2f}")
        cells += figures(own, name, seeds)
    return f"| {' | '.join(cells)} |"


def figures(
    own: Mapping[tuple[int, str, str], Mapping[str, float]], name: str, seeds: int
) -> list[str]:
    """How far seeds agree on a number, and how far they scatter."""
    values = {key: r[name] for key, r in own.items()}
    return [f"{agreement(values, seeds):.2f}", f"{scatter(values, seeds):.1%}"]


def scatter(values: Mapping[tuple[int, str, str], float], seeds: int) -> float:
    """How far seeds scatter on the same pair, as a share of the mean; root mean square."""
    shares = []
    for source, target in itertools.permutations(TASKS, 2):
        of_seeds = [values[seed, source, target] for seed in range(seeds)]
        shares.append(statistics.variance(of_seeds) / statistics.fmean(of_seeds) ** 2)
    return math.sqrt(statistics.fmean(shares))


def changes(setting: Setting) -> list[str]:
    """What is not as in the first setting."""
    first, own = asdict(FIRST), asdict(setting)
    return [f"{name} {value}" for name, value in own.items() if value != first[name]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)  # as in the runs
    print(f"{machine()}; {options.seeds} seeds, {len(TASKS)} tasks, batches of {FIRST.batch_size}")
    jobs = [
        Job(setting, seed, source, target)
        for setting in SETTINGS
        for seed in range(options.seeds)
        for source, target in itertools.permutations(TASKS, 2)
    ]
    found = run_all(run, jobs, options.keep, options.processes)
    print(
        "\n| setting | distance: seeds agree | scatter | noise-free: seeds agree | scatter "
        "| noise share | 1,000 passes: moving | 1,000 pairs measured | CPU s |"
    )
    print("|---" * 9 + "|")
    for setting in SETTINGS:
        print(line(setting, found, options.seeds))
    ways = ("overlapping tenths", "end to end")
    print("\n| setting" + "".join(f" | {w} (rad) | seeds agree | scatter" for w in ways) + " |")
    print("|---" * 7 + "|")
    for setting in SETTINGS:
        print(strides_line(setting, found, options.seeds))


if __name__ == "__main__":
    main()

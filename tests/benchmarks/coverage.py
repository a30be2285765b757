"""How often does the error that a run states of its distance hold what other seeds say?

    python tests/benchmarks/coverage.py TABLE […]              # of sweeps with 3 seeds or more
    python tests/benchmarks/coverage.py [--pairs 24] [--other-images]     # digits, run here
    python tests/benchmarks/coverage.py --noise-alone --fewest 2 sweeps/results/*/results.csv

TABLE is `results.parquet` of a sweep, or a CSV file with its columns. A suite is everything of one
method, network, protocol and setting of all axes. Its line counts each seed of each pair of tasks.
Take one seed, of value v and stated error e, and let m be the mean of the other k seeds of the
pair, whose stated errors are e_j. The seed is covered if

    |v − m| ≤ 1.96 √(e² + Σ e_j² / k²),

so that errors which are right cover in 95 of 100 cases, however many seeds there are. `narrow`
takes m for the truth, |v − m| ≤ 1.96 e, and so is the stricter. `stated` and `scatter` are the root
mean squares of the stated errors and of the standard deviations over seeds, both relative to the
distance. Seeds of a sweep share their images, and the stated error is for other images as well, so
`stated` may be the larger; `--other-images` gives each seed of the digits images of its own. With
`--noise-alone` the error is `noise_error` of moving weights, without the images; tables that are
older than `distance_error` have what it takes.
"""

import argparse
import itertools
import math
import random
import statistics
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from machine import machine
from pyarrow import csv
from torch import nn

import raytd
from raytd.transfer.distance_error import PIECES, noise_error

TASKS = {
    "low": "01234", "high": "56789", "even": "02468", "odd": "13579", "round": "0689",
    "straight": "147",
}  # fmt: skip
IMAGES = {"dataset": "digits", "train": 60, "val": 60}
WIDTH = 1.96


@dataclass(frozen=True)
class Pair:
    """The seeds of one pair of tasks under one setting."""

    values: tuple[float, ...]
    errors: tuple[float, ...]

    @property
    def scatter(self) -> float:
        """Standard deviation over seeds, relative."""
        return statistics.stdev(self.values) / statistics.fmean(self.values)

    @property
    def stated(self) -> float:
        """Root mean square of the stated errors, relative."""
        return root_mean_square(self.errors) / statistics.fmean(self.values)

    def covered(self, *, narrow: bool) -> list[bool]:
        """Seed by seed, whether its interval holds the mean of the others."""
        found = []
        for i, (value, error) in enumerate(zip(self.values, self.errors, strict=True)):
            others = [each for j, each in enumerate(self.values) if j != i]
            theirs = [each for j, each in enumerate(self.errors) if j != i]
            own = 0.0 if narrow else math.hypot(*theirs) / len(theirs)
            off = abs(value - statistics.fmean(others))
            found.append(off <= WIDTH * math.hypot(error, own))
        return found


def root_mean_square(values: Iterable[float]) -> float:
    """Of any numbers."""
    return math.sqrt(statistics.fmean(v * v for v in values))


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a table; numbers of a CSV file as numbers."""
    table = csv.read_csv(path) if path.suffix == ".csv" else pq.read_table(path)
    return [{"table": str(path), **row} for row in table.to_pylist()]


def with_noise_alone(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose error is that of the noise, at 20 segments or more; unchanged without lengths."""
    if row.get("noise_share") is None:
        return row
    error = noise_error(
        distance=row["value"], noise_share=row["noise_share"], segments=PIECES, averaging="none"
    )
    return {**row, "distance_error": error}


def suites(rows: Sequence[dict[str, Any]], fewest: int) -> dict[str, list[Pair]]:
    """The pairs with enough seeds, by what else is the same of them."""
    groups: dict[str, dict[tuple[Any, ...], dict[int, dict[str, Any]]]] = {}
    for row in rows:
        if row.get("distance_error") is None or row.get("status", "done") != "done":
            continue
        axes = [f"{c} {row[c]}" for c in sorted(row) if "." in c and row[c] is not None]
        known = [row[c] for c in ("table", "method", "model", "protocol") if row.get(c) is not None]
        name = ", ".join([*known, *axes])
        ends = tuple(row.get(c) for c in ("source", "target", "source_digest", "target_digest"))
        groups.setdefault(name, {}).setdefault(ends, {})[row["seed"]] = row
    found = {
        name: [
            Pair(*(tuple(float(r[c]) for r in seeds.values()) for c in ("value", "distance_error")))
            for seeds in pairs.values()
            if len(seeds) >= fewest
        ]
        for name, pairs in groups.items()
    }
    return {name: pairs for name, pairs in found.items() if pairs}


def line(name: str, pairs: Sequence[Pair]) -> str:
    """One suite as a line of the table."""
    counts = sorted({len(pair.values) for pair in pairs})
    shares = [
        statistics.fmean(c for pair in pairs for c in pair.covered(narrow=narrow))
        for narrow in (False, True)
    ]
    stated, scatter = (
        root_mean_square(getattr(p, n) for p in pairs) for n in ("stated", "scatter")
    )
    cells = [
        name, len(pairs), "–".join(map(str, dict.fromkeys((counts[0], counts[-1])))),
        *(f"{share:.0%}" for share in shares), f"{stated:.1%}", f"{scatter:.1%}",
    ]  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def small(*, in_channels: int, n_classes: int) -> nn.Module:
    """Two convolutions that cost little."""
    return nn.Sequential(
        nn.Conv2d(in_channels, 12, 3, stride=2, padding=1),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.Conv2d(12, 24, 3, padding=1),
        nn.BatchNorm2d(24),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(96, n_classes),
    )


def digits(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows of pairs of digits, run here."""
    torch.set_num_threads(1)
    pairs = list(itertools.permutations(TASKS, 2))
    random.Random(0).shuffle(pairs)
    rows = []
    with tempfile.TemporaryDirectory() as sources:
        for seed, pair in itertools.product(range(options.seeds), pairs[: options.pairs]):
            sample = {**IMAGES, "seed": seed if options.other_images else 0}
            ends = [{"name": n, "classes": [*TASKS[n]], **sample} for n in pair]
            result = raytd.distance(
                *ends,
                method=options.method,
                model="coverage:small",
                seed=seed,
                coupled={"blocks": 2, "tile_size": 10},
                trajectory={"steps": 300, "lr": 0.003, "segments": 20},
                pretrain={"epochs": 40},
                sources=sources,
            )
            about = {"method": options.method, "model": "small", "protocol": "digits", "seed": seed}
            rows.append(about | dict(zip(("source", "target"), pair, strict=True)) | vars(result))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", type=Path)
    parser.add_argument("--other-images", action="store_true")
    parser.add_argument("--noise-alone", action="store_true")
    parser.add_argument("--fewest", type=int, default=3)
    parser.add_argument("--method", default="ot-only")
    parser.add_argument("--pairs", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    rows = [row for path in options.tables for row in read(path)]
    if not options.tables:
        rows = digits(options)
    if options.noise_alone:
        rows = [with_noise_alone(row) for row in rows if row["method"] != "finetune"]
    print(machine())
    print("\n| suite | pairs | seeds | covered | narrow | stated | scatter |")
    print("|---|---|---|---|---|---|---|")
    found = suites(rows, options.fewest)
    for name, pairs in found.items():
        print(line(name, pairs))
    if not found:
        print(f"no pair has distance_error for {options.fewest} seeds or more")


if __name__ == "__main__":
    main()

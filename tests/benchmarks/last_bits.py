"""How far do the last bits of arithmetic move a distance?

    python tests/benchmarks/last_bits.py [--seeds 3] [--steps 1600] [--lr 0.01]

Digits 0-4 to 5-9, cnn8-narrow, independent coupling. Each line computes the same as the first, in
another order: with another number of threads, other instructions of the processor, or an SGD step
fused into one kernel. Source networks are trained anew in each. What is shown is how far a length
departs from that of the first line, seed by seed, and how far the seeds of the first line scatter.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from functools import partial

import torch
from machine import machine

import raytd
from raytd.transfer import rule

WAYS: dict[str, tuple[dict[str, str], bool]] = {
    "one thread": ({}, False),
    "two threads": ({"OMP_NUM_THREADS": "2"}, False),
    "without AVX-512": ({"ATEN_CPU_CAPABILITY": "avx2"}, False),
    "without vector instructions of ATen": ({"ATEN_CPU_CAPABILITY": "default"}, False),
    "oneDNN as for AVX": ({"ONEDNN_MAX_CPU_ISA": "AVX"}, False),
    "fused SGD": ({}, True),
}
"""What each way asks of the environment, and whether it fuses the step."""

LENGTHS = ("distance", "noise_free_length")


def run(seed: int, steps: int, lr: float, *, fused: bool) -> dict[str, float]:
    """The lengths of one trajectory, in this process."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    if fused:
        rule.sgd = partial(rule.sgd, fused=True)
    result = raytd.distance(
        "digits-low",
        "digits-high",
        method="uncoupled",
        seed=seed,
        data={"train": 120, "val": 200},
        coupled={"blocks": 1, "tile_size": 10},
        trajectory={"steps": steps, "lr": lr, "segments": 20},
        resources={"threads": int(os.environ["OMP_NUM_THREADS"])},
    )
    return {name: getattr(result, name) for name in LENGTHS}


def run_apart(way: str, seed: int, steps: int, lr: float) -> dict[str, float]:
    """The same in a process of its own, which has the environment of the way from its start."""
    environment, _ = WAYS[way]
    ran = subprocess.run(
        [sys.executable, __file__, "--way", way, "--seed", str(seed)]
        + ["--steps", str(steps), "--lr", str(lr)],
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return found


def line(way: str, runs: Sequence[dict[str, float]], first: Sequence[dict[str, float]]) -> str:
    """A way's lengths, and how far they are from the first way's."""
    cells = [way]
    for name in LENGTHS:
        off = [abs(r[name] / f[name] - 1) for r, f in zip(runs, first, strict=True)]
        root = math.sqrt(statistics.fmean(o * o for o in off))
        cells += [", ".join(f"{r[name]:.3f}" for r in runs), f"{root:.1%}", f"{max(off):.1%}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--way", choices=WAYS, help="only this one, for one seed, as JSON")
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    if options.way is not None:
        fused = WAYS[options.way][1]
        print(json.dumps(run(options.seed, options.steps, options.lr, fused=fused)))
        return
    print(f"{machine()}; {options.steps} steps at {options.lr}, {options.seeds} seeds\n")
    print(
        "| way | distance (rad) | rms | most | noise-free (rad) | rms | most |\n" + "|---" * 7 + "|"
    )
    seeds = range(options.seeds)
    first: list[dict[str, float]] = []
    for way in WAYS:
        runs = [run_apart(way, seed, options.steps, options.lr) for seed in seeds]
        first = first or runs
        print(line(way, runs, first), flush=True)
    for name in LENGTHS:
        values = [r[name] for r in first]
        scatter = statistics.stdev(values) / statistics.fmean(values)
        print(f"\nScatter of {name} over the seeds of the first line: {scatter:.1%}")


if __name__ == "__main__":
    main()

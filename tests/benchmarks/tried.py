"""Would another way to walk the path predict fine-tuning better where tasks share no class?

    python tests/benchmarks/tried.py --data DIR [--processes 2] [--seeds 3] [--keep FILE]

The pairs of the Fashion-MNIST suite with disjoint classes, `ot-only`, with the settings of the
suite's profile `cpu` but for what a line names. `agrees` is Spearman's correlation, over these
pairs, of the mean over seeds with the length of fine-tuning in `sweeps/results/judge-fashion`; `one
seed` is the same of each seed alone, in the mean: what several source networks are worth. `--keep`
goes on where it was ended.
"""

import argparse
import csv
import dataclasses
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import yaml
from kept_runs import run_all
from machine import machine
from scipy.stats import spearmanr
from torch import Tensor, nn

import raytd
from raytd.engine.pair_images import PairImages
from raytd.engine.worker import BlockWorker
from raytd.methods.paths.result import DistanceResult
from raytd.simplex import log_probs
from raytd.transfer.interpolation import mix, mixing_coefficients

ROOT = Path(__file__).parents[2]
SUITE = yaml.safe_load((ROOT / "sweeps/judge_fashion.yaml").read_text())
CPU = SUITE["profiles"]["cpu"]
TASKS = {task["name"]: task for task in SUITE["tasks"]}

SETTINGS: dict[str, dict[str, Any]] = {
    "as in the suite": {},
    "four times the steps": {"steps": 1200},
    "batches of 60 in the second half": {},
    "momentum of .98, rate of .002": {"momentum": 0.98, "lr": 0.002},
    "mixing linear": {"mixing": "linear"},
    "mixing bernoulli": {"mixing": "bernoulli"},
    "measured at inputs drawn from p_τ": {},
}


@dataclass(frozen=True)
class Job:
    """One trial."""

    setting: str
    seed: int
    source: str
    target: str
    data: str


def run(job: Job, sources: str) -> dict[str, float]:
    """The lengths of one trial."""
    torch.set_num_threads(1)
    start = time.process_time()
    with CHANGED.get(job.setting, nullcontext)():
        result = raytd.distance(
            TASKS[job.source],
            TASKS[job.target],
            method="ot-only",
            model=CPU["model"],
            seed=job.seed,
            data=CPU["data"],
            coupled={"blocks": 1, "tile_size": CPU["coupled"]["tile_size"]},
            trajectory=CPU["trajectory"] | SETTINGS[job.setting],
            pretrain=SUITE["pretrain"] | CPU["pretrain"],
            resources={"chunk": CPU["resources"]["chunk"]},
            data_root=job.data,
            sources=sources,
        )
    assert isinstance(result, DistanceResult)
    return {
        "distance": result.distance,
        "noise-free": result.noise_free_length,
        "noise share": result.noise_share,
        "arrived": float(result.arrived),
        "seconds": time.process_time() - start,
    }


@contextmanager
def larger_batches_late() -> Iterator[None]:
    """Three times the batch in the second half of the path."""
    draws = BlockWorker._draws

    def late(self: BlockWorker, steps: Any, coupling: Any) -> Any:
        setup, segments = self.setup, self.setup.trajectory.segments
        if steps.stream[0] == "stay" or steps.stream[0] < segments / 2:
            return draws(self, steps, coupling)
        own = setup.trajectory
        larger = own.model_copy(update={"batch_size": 3 * own.batch_size})
        self.setup = dataclasses.replace(setup, trajectory=larger)
        try:
            return draws(self, steps, coupling)
        finally:
            self.setup = setup

    with patch.object(BlockWorker, "_draws", late):
        yield


@contextmanager
def measured_at_drawn_inputs() -> Iterator[None]:
    """t of each measured pair drawn by `beta`, the same at both ends of a segment, not t = τ."""

    def forward(self: PairImages, model: nn.Module, tiles: slice, tau: float) -> Tensor:
        source = self.source.pixels[self.rows[tiles]][:, :, None]
        target = self.target.pixels[self.cols[tiles]][:, None]
        shape = (source.shape[0], source.shape[1], target.shape[2])
        stream = torch.Generator().manual_seed(tiles.start * 1000 + round(tau * 999))
        uniforms = torch.rand(shape, dtype=torch.float64, generator=stream)
        t = mixing_coefficients("beta", torch.full_like(uniforms, tau), uniforms)
        mixed = mix(source, target, t.float()[..., None, None, None])
        inputs = mixed.flatten(0, 2).contiguous(memory_format=torch.channels_last)
        return log_probs(model(inputs)).reshape(*shape, -1)

    with patch.object(PairImages, "_forward", forward):
        yield


CHANGED: dict[str, Callable[[], Any]] = {
    "batches of 60 in the second half": larger_batches_late,
    "measured at inputs drawn from p_τ": measured_at_drawn_inputs,
}


def disjoint_pairs() -> list[tuple[str, str]]:
    """Source and target of pairs that share no class."""
    return [
        (s, t)
        for s, t in itertools.permutations(TASKS, 2)
        if not {*TASKS[s]["classes"]} & {*TASKS[t]["classes"]}
    ]


def fine_tuning() -> dict[tuple[str, str], float]:
    """The length of fine-tuning by pair, mean over the suite's seeds."""
    found: dict[tuple[str, str], list[float]] = {}
    with (ROOT / "sweeps/results/judge-fashion/results.csv").open() as file:
        for row in csv.DictReader(file):
            if row["method"] == "finetune":
                ends = row["source"], row["target"]
                found.setdefault(ends, []).append(float(row["distance"]))
    return {pair: statistics.fmean(values) for pair, values in found.items()}


def line(setting: str, found: Mapping[Job, Mapping[str, float]], seeds: int) -> str:
    """What one setting makes of the pairs."""
    pairs, truth = disjoint_pairs(), fine_tuning()
    own = {(job.seed, job.source, job.target): r for job, r in found.items()}
    cells = [setting]
    for name in ("distance", "noise-free"):
        by_seed = [[own[seed, *pair][name] for pair in pairs] for seed in range(seeds)]
        agrees = partial(rank_agreement, [truth[pair] for pair in pairs])
        means = [statistics.fmean(values) for values in zip(*by_seed, strict=True)]
        cells += [f"{agrees(means):.2f}", f"{statistics.fmean(map(agrees, by_seed)):.2f}"]
    for name, form in (("distance", ".2f"), ("noise share", ".2f"), ("arrived", ".0%")):
        cells.append(format(statistics.fmean(r[name] for r in own.values()), form))
    cells.append(f"{statistics.fmean(r['seconds'] for r in own.values()):.1f}")
    return f"| {' | '.join(cells)} |"


def rank_agreement(truth: list[float], values: list[float]) -> float:
    """Spearman's correlation."""
    return float(spearmanr(truth, values).statistic)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)  # as in the runs
    pairs = disjoint_pairs()
    print(f"{machine()}; {options.seeds} seeds, {len(pairs)} pairs")
    jobs = [
        Job(setting, seed, source, target, str(options.data))
        for setting in SETTINGS
        for seed in range(options.seeds)
        for source, target in pairs
    ]
    found = run_all(run, jobs, options.keep, options.processes)
    print(
        "\n| setting | distance: agrees | one seed | noise-free: agrees | one seed "
        "| distance (rad) | noise share | arrived | CPU s |"
    )
    print("|---" * 9 + "|")
    for setting in SETTINGS:
        own = {job: r for job, r in found.items() if job.setting == setting}
        print(line(setting, own, options.seeds))


if __name__ == "__main__":
    main()

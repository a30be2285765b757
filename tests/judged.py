"""The table of the README that says which method predicts transfer, made from the judge's files."""

import csv
from collections.abc import Mapping
from pathlib import Path
from statistics import mean

RESULTS = Path(__file__).parents[1] / "sweeps" / "results"
SUITES = ("judge-fashion", "judge-cifar10")
TRUTHS = ("judge-transfer", "judge-transfer-gain")

Verdicts = Mapping[str, Mapping[str, str]]


def verdicts(suite: str, truth: str) -> Verdicts:
    """The judge's figures by contestant."""
    with (RESULTS / suite / f"{truth}.csv").open() as file:
        return {row["contestant"]: row for row in csv.DictReader(file)}


def lines() -> list[str]:
    """One line for each contestant, the best predictor of accuracy first."""
    found = [[verdicts(suite, truth) for truth in TRUTHS] for suite in SUITES]

    def accuracy(name: str) -> float:
        return mean(float(both[0][name]["spearman"]) for both in found)

    return [_line(name, found) for name in sorted(found[0][0], key=accuracy, reverse=True)]


def _line(name: str, found: list[list[Verdicts]]) -> str:
    cells = []
    for of_accuracy, of_gain in found:
        row = of_accuracy[name]
        best, regret = float(row["share_best_source"]), 100 * float(row["regret"])
        cells += [_agreement(row), _agreement(of_gain[name]), f"{best:.0%}, {regret:.1f}"]
    seconds = mean(float(of_accuracy[name]["wall_s"]) for of_accuracy, _ in found)
    return "| " + " | ".join([name, *cells, f"{seconds:.2g}" if seconds >= 0.01 else "0"]) + " |"


def _agreement(row: Mapping[str, str]) -> str:
    """Spearman's correlation, its interval and its chance."""
    rho, low, high = (float(row[name]) for name in ("spearman", "spearman_low", "spearman_high"))
    chance = float(row["mantel_spearman_p"])
    said = f"{rho:+.2f} ({low:+.2f}…{high:+.2f}), {chance:.2g}".replace("-", "−")
    return f"**{said}**" if chance < 0.05 else said

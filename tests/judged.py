"""The tables of the README that say which method predicts what, made from the judge's files."""

import csv
from collections.abc import Mapping
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "sweeps" / "results"
SUITES = ("judge-fashion", "judge-cifar10")

Verdicts = Mapping[str, Mapping[str, str]]


def verdicts(suite: str, truth: str) -> Verdicts:
    """The judge's figures by contestant; none where it was not asked about that truth."""
    place = RESULTS / suite / f"{truth}.csv"
    if not place.exists():
        return {}
    with place.open() as file:
        return {row["contestant"]: row for row in csv.DictReader(file)}


def lines() -> list[str]:
    """One line for each contestant of each suite, the best predictor first."""
    return [line for suite in SUITES for line in _lines(suite)]


def _lines(suite: str) -> list[str]:
    length = verdicts(suite, "judge-finetune-distance")
    accuracy, gain = (verdicts(suite, f"judge-transfer{end}") for end in ("", "-gain"))
    by = length or accuracy
    names = sorted(accuracy, key=lambda n: -float(by[n]["spearman"]) if n in by else 1)
    return [_line(name, length, accuracy[name], gain[name]) for name in names]


def _line(name: str, length: Verdicts, accuracy: Mapping[str, str], gain: Mapping[str, str]) -> str:
    cells = [_agreement(length.get(name)), _within(length.get(name))] if length else []
    best, regret = float(accuracy["share_best_source"]), 100 * float(accuracy["regret"])
    cells += [_agreement(accuracy), _agreement(gain), f"{best:.0%}, {regret:.1f}"]
    seconds = float(accuracy["wall_s"])
    return "| " + " | ".join([name, *cells, f"{seconds:.2g}" if seconds >= 0.01 else "0"]) + " |"


def _agreement(row: Mapping[str, str] | None) -> str:
    """Spearman's correlation, its interval and its chance."""
    if row is None:
        return "–"
    rho, low, high = (float(row[name]) for name in ("spearman", "spearman_low", "spearman_high"))
    chance = float(row["mantel_spearman_p"])
    said = f"{rho:+.2f} ({low:+.2f}…{high:+.2f}), {chance:.2g}".replace("-", "−")
    return f"**{said}**" if chance < 0.05 else said


def _within(row: Mapping[str, str] | None) -> str:
    return "–" if row is None else f"{float(row['within_target_spearman']):+.2f}".replace("-", "−")

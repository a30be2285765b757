"""Verdicts as rows of numbers, and as a table for the eye."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from raytd.report.judging import Verdict
from raytd.report.mantel import Mantel
from raytd.sweep.doubts import MARKS

if TYPE_CHECKING:
    from rich.table import Table


def verdict_row(verdict: Verdict) -> dict[str, Any]:
    """Every figure of a verdict by name; None where it is not defined.

    `no_evidence` says why there are none; `doubts` has the marks of `raytd.sweep.doubts`, each with
    the number of pairs that have it.
    """
    contestant, choice = verdict.contestant, verdict.choice
    low, high = verdict.spearman_interval or (math.nan, math.nan)
    row = {
        "contestant": contestant.title,
        "method": contestant.fixed["method"],
        "column": contestant.column,
        "model": contestant.fixed["model"],
        "truth": verdict.truth.title,
        "n_pairs": verdict.ranks.n_pairs,
        "n_seeds": len(contestant.seeds),
        "no_evidence": verdict.no_evidence,
        "n_doubtful": verdict.n_doubtful,
        "doubts": ", ".join(f"{mark} {n}" for mark, n in verdict.marks.items()) or None,
        "spearman": verdict.ranks.spearman,
        "spearman_low": low,
        "spearman_high": high,
        "kendall": verdict.ranks.kendall,
        "weighted_kendall": verdict.ranks.weighted_kendall,
        **_permuted("mantel_spearman", verdict.mantel_ranks),
        **_permuted("mantel_pearson", verdict.mantel),
        "within_target_spearman": choice.mean_spearman,
        "share_best_source": choice.share_best,
        "share_best_by_chance": choice.share_best_by_chance,
        "regret": choice.regret,
        "regret_by_chance": choice.regret_by_chance,
        "n_targets": choice.n_targets,
        "wall_s": contestant.wall_s,
        "forward_images": contestant.forward_images,
    }
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in row.items()
    }


def _permuted(name: str, found: Mantel | None) -> dict[str, Any]:
    """The figures of a permutation test; none where pairs are missing."""
    return {
        f"{name}_r": None if found is None else found.r,
        f"{name}_p": None if found is None else found.p_greater,
        f"{name}_p_two_sided": None if found is None else found.p_two_sided,
        f"{name}_permutations": None if found is None else found.n_permutations,
    }


def verdicts_table(verdicts: Sequence[Verdict]) -> "Table":
    """One line for each verdict, the best first; the truth is the title."""
    from rich import box
    from rich.table import Table

    title = f"Judged by {verdicts[0].truth.title}"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", padding=(0, 1, 0, 0))
    table.add_column("method", overflow="fold", min_width=len("weight-distance"))
    for heading in ("Spearman", "p", "Kendall", "Mantel\nr", "best\nsource", "regret", "s/\ntrial"):
        table.add_column(heading, justify="right")
    for row in map(verdict_row, verdicts):
        interval = (
            ""
            if row["spearman_low"] is None
            else f" ({row['spearman_low']:+.2f}…{row['spearman_high']:+.2f})"
        )
        table.add_row(
            row["contestant"],
            _shown(row["spearman"], "+.2f") + interval,
            _shown(row["mantel_spearman_p"], ".2g"),
            _shown(row["kendall"], "+.2f"),
            _shown(row["mantel_pearson_r"], "+.2f"),
            _shown(row["share_best_source"], ".0%"),
            _shown(row["regret"], ".2g"),
            _shown(row["wall_s"], ".2g"),
        )
    return table


def legend(verdicts: Sequence[Verdict]) -> list[str]:
    """What the columns mean, what a blind choice would reach, and what is to be doubted."""
    first = next((v for v in verdicts if v.no_evidence is None), verdicts[0])
    row, tasks = verdict_row(first), len(first.truth.tasks)
    lines = [f"no evidence about {v.contestant.title}: {v.no_evidence}" for v in verdicts
             if v.no_evidence is not None]  # fmt: skip
    if len(lines) == len(verdicts):
        return lines + _doubted(verdicts)
    lines += [
        "Spearman, Kendall: ranks over all pairs, +1 is full agreement"
        + ("; in brackets 95 % over resampled seeds" if row["spearman_low"] is not None else ""),
    ]
    tests = [v.mantel_ranks for v in verdicts if v.mantel_ranks is not None]
    if tests:
        kind = "every one of" if tests[0].exact else "the identity and a sample:"
        lines.append(
            f"p: one-sided, {kind} {tests[0].n_permutations} permutations of {tasks} tasks; "
            f"none can be below {1 / tests[0].n_permutations:.2g}"
        )
    else:
        lines.append("p, Mantel r: only where every pair has a result")
    if row["n_targets"]:
        lines.append(
            f"best source: found for so many of {row['n_targets']} targets "
            f"(a blind choice: {row['share_best_by_chance']:.0%}); regret: what the chosen source "
            f"falls short of it (a blind choice: {row['regret_by_chance']:.3g})"
        )
    return lines + _doubted(verdicts)


def _doubted(verdicts: Sequence[Verdict]) -> list[str]:
    """How many pairs of each contestant are doubtful, and what the marks mean."""
    groups: dict[str, list[str]] = {}
    for v in verdicts:
        if v.marks:
            counts = ", ".join(f"{n} {mark}" for mark, n in v.marks.items())
            groups.setdefault(f"{counts} of {v.ranks.n_pairs}", []).append(v.contestant.title)
    lines = [f"   {counts}: {'; '.join(titles)}" for counts, titles in groups.items()]
    title = ["pairs with a doubtful number, of the method or of the truth:"] if lines else []
    met = {mark for v in verdicts for mark in v.marks}
    return [*title, *lines, *(f"{mark}  {text}" for mark, text in MARKS.items() if mark in met)]


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)

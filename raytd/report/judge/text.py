"""Verdicts as rows of numbers, and as a table for the eye."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from raytd.report.judge.judging import Verdict
from raytd.report.judge.notes import (
    class_notes,
    counted_pairs,
    counting_notes,
    reliability_notes,
)
from raytd.report.judge.reliability import by_repeats, by_seeds, by_seeds_within_targets
from raytd.report.statistics.mantel import Mantel
from raytd.report.statistics.ties import sorted_by
from raytd.sweep.folder.doubts import MARKS
from raytd.words import counted

if TYPE_CHECKING:
    from rich.table import Table


def verdict_row(verdict: Verdict) -> dict[str, Any]:
    """Every figure of a verdict by name; None where it is not defined.

    `no_evidence` says why there are none; `doubts` has the marks of `raytd.sweep.folder.doubts`,
    each with the number of pairs that have it.
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
        **_reliabilities(verdict),
        **_by_classes(verdict),
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


def _reliabilities(verdict: Verdict) -> dict[str, Any]:
    """How far contestant and truth agree with themselves; `truth_needed` are seeds, or repeats."""
    own, seeds, repeats = verdict.reliability, by_seeds(verdict.truth), by_repeats(verdict.truth)
    truth, within = seeds or repeats, by_seeds_within_targets(verdict.truth)
    return {
        "reliability": None if own is None else own.value,
        "seeds_agree": None if own is None else own.single,
        "truth_reliability": None if truth is None else truth.value,
        "truth_reliability_of": None if truth is None else truth.of,
        "truth_ceiling": None if truth is None else truth.ceiling,
        "truth_seeds_agree": None if seeds is None else seeds.single,
        "truth_reliability_of_repeats": None if repeats is None else repeats.value,
        "truth_within_target_reliability": None if within is None else within.value,
        "truth_needed": None if truth is None else truth.needed,
    }


def _by_classes(verdict: Verdict) -> dict[str, Any]:
    """The pairs with disjoint classes alone, and the lead over counting shared classes."""
    apart, lead = verdict.disjoint, verdict.lead
    low, high = _ends(None if apart is None else apart.spearman_interval)
    lead_low, lead_high = _ends(None if lead is None else lead.interval)
    truth = None if apart is None else apart.truth_reliability
    return {
        "n_disjoint": 0 if apart is None else apart.ranks.n_pairs,
        "disjoint_spearman": None if apart is None else apart.ranks.spearman,
        "disjoint_spearman_low": low,
        "disjoint_spearman_high": high,
        "disjoint_within_target_spearman": None if apart is None else apart.choice.mean_spearman,
        "disjoint_n_targets": 0 if apart is None else apart.choice.n_ranked,
        "disjoint_truth_reliability": None if truth is None else truth.value,
        "lead_over_shared_classes": None if lead is None else lead.value,
        "lead_low": lead_low,
        "lead_high": lead_high,
        "beats_shared_classes": None if lead is None else lead.is_ahead,
    }


def verdicts_table(verdicts: Sequence[Verdict]) -> "Table":
    """One line for each verdict, the best first; the truth is the title."""
    from rich import box
    from rich.table import Table

    title = f"Judged by {verdicts[0].truth.title}"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", padding=0)
    table.add_column("method", overflow="fold", min_width=len("weight-distance"))
    headings = ("Spearman", "p", "within\ntarget", "self", "best\nsource", "regret", "s/\ntrial")
    for heading in headings:
        whole = heading == "Spearman"
        table.add_column(heading, justify="right", overflow="fold", no_wrap=whole)
    for row in map(verdict_row, verdicts):
        table.add_row(
            row["contestant"],
            _with_interval(row, "spearman"),
            _shown(row["mantel_spearman_p"], ".2g"),
            _shown(row["within_target_spearman"], "+.2f"),
            _shown(row["reliability"], ".2f"),
            _shown(row["share_best_source"], ".0%"),
            _shown(row["regret"], ".2g"),
            _seconds(row["wall_s"]),
        )
    return table


def disjoint_table(verdicts: Sequence[Verdict]) -> "Table | None":
    """The pairs with disjoint classes alone, the best first; None where that is none or all."""
    from rich import box
    from rich.table import Table

    n, n_disjoint, _ = counted_pairs(verdicts[0])
    rows = [verdict_row(v) for v in verdicts if v.disjoint is not None]
    if not rows or n_disjoint == n:
        return None
    title = f"Pairs with disjoint classes ({n_disjoint} of {n})"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", padding=0)
    table.add_column("method", overflow="fold", min_width=len("weight-distance"))
    for heading in ("Spearman", "within\ntarget", "targets"):
        table.add_column(heading, justify="right", overflow="fold")
    ranked = sorted_by(rows, key=lambda row: -_or_nan(row["disjoint_spearman"]))
    for _, row in ranked:
        table.add_row(
            row["contestant"],
            _with_interval(row, "disjoint_spearman"),
            _shown(row["disjoint_within_target_spearman"], "+.2f"),
            str(row["disjoint_n_targets"]),
        )
    return table


def disjoint_legend(verdicts: Sequence[Verdict]) -> list[str]:
    """What the columns of that table mean, and how good the truth is over its pairs."""
    judged = [(v.contestant.title, v.disjoint) for v in verdicts if v.disjoint is not None]
    lines = [
        f"no evidence about {title} here: {apart.ranks.no_evidence}"
        for title, apart in judged
        if apart.ranks.no_evidence is not None
    ]
    ranked = any(apart.choice.n_ranked for _, apart in judged)
    lines.append(
        "within target: mean over targets with three disjoint sources or more"
        + ("" if ranked else "; there are none")
    )
    truth = judged[0][1].truth_reliability
    if truth is not None:
        lines.append(
            f"Over these pairs two seeds of the truth agree by {truth.single:.2f}: "
            + (f"reliability {truth.value:.2f}, ceiling {truth.ceiling:.2f}." if truth.value
               else "nothing is found again, so nothing can be judged by them.")
        )  # fmt: skip
    return lines


def legend(verdicts: Sequence[Verdict]) -> list[str]:
    """What the columns mean, what a blind choice would reach, and what is to be doubted."""
    first = next((v for v in verdicts if v.no_evidence is None), verdicts[0])
    row, tasks = verdict_row(first), len(first.truth.tasks)
    lines = [f"no evidence about {v.contestant.title}: {v.no_evidence}" for v in verdicts
             if v.no_evidence is not None]  # fmt: skip
    if len(lines) == len(verdicts):
        return lines + _doubted(verdicts)
    lines += [
        "Spearman: ranks over all pairs, +1 is full agreement"
        + ("; in brackets 95 % over resampled seeds" if row["spearman_low"] is not None else ""),
    ]
    if any(v.choice.n_ranked for v in verdicts):
        lines.append("within target: of the sources of one target, mean over the targets")
    if any(v.reliability is not None for v in verdicts):
        lines.append("self: the reliability of the method's own numbers, by its seeds")
    tests = [v.mantel_ranks for v in verdicts if v.mantel_ranks is not None]
    if tests:
        kind = "every one of" if tests[0].exact else "the identity and a sample:"
        lines.append(
            f"p: one-sided, {kind} {counted(tests[0].n_permutations, 'permutation')} of "
            f"{counted(tasks, 'task')}; none can be below {1 / tests[0].n_permutations:.2g}"
        )
    else:
        lines.append("p: only where every pair has a result")
    if row["n_targets"]:
        lines.append(
            f"best source: found for so many of {counted(row['n_targets'], 'target')} "
            f"(a blind choice: {row['share_best_by_chance']:.0%}); regret: what the chosen source "
            f"falls short of it (a blind choice: {row['regret_by_chance']:.3g})"
        )
    return [
        *lines,
        *reliability_notes(first),
        *class_notes(first),
        *counting_notes(verdicts),
        *_doubted(verdicts),
    ]


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


def _with_interval(row: Mapping[str, Any], name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return _shown(row[name], "+.2f") + ("" if low is None else f" ({low:+.2f}…{high:+.2f})")


def _seconds(value: float | None) -> str:
    """Below a hundredth there is nothing to choose by."""
    return "<0.01" if value is not None and 0 < value < 0.01 else _shown(value, ".2g")


def _ends(interval: tuple[float, float] | None) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else interval


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)

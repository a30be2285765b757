"""What stands below a judge's table: how good the truth is, and what shared classes explain."""

import math
from collections.abc import Sequence

import numpy as np

from raytd.report.judge.judging import Verdict
from raytd.report.judge.reliability import (
    WANTED,
    Reliability,
    by_repeats,
    by_seeds,
    by_seeds_within_targets,
    repeats_for,
)
from raytd.report.shared_classes import DISJOINT, METHOD
from raytd.words import counted


def reliability_notes(verdict: Verdict) -> list[str]:
    """How reliable the truth of a verdict is, from what, its ceiling, and what would be enough."""
    truth = verdict.truth
    seeds, repeats = by_seeds(truth), by_repeats(truth)
    within = by_seeds_within_targets(truth)
    if (found := seeds or repeats) is None:
        return ["Reliability of the truth: not known, since it has neither two seeds that can be "
                "ranked nor standard errors over repeats."]  # fmt: skip
    return [
        f"Reliability of the truth: {found.value:.2f}, {_origin(found)}.",
        f"Ceiling: {found.ceiling:.2f}, its square root, is what a perfect method would be "
        "expected to reach.",
        *([] if within is None else [_within_targets(within)]),
        *([] if seeds is None or repeats is None else [_of_repeats(repeats)]),
        *([] if found.value >= WANTED else [_remedy(verdict, found)]),
    ]


def _origin(found: Reliability) -> str:
    if found.of == "seeds":
        return (
            f"by its {found.n} seeds (two of them agree by {found.single:.2f}, Spearman over the "
            f"pairs; stepped up to {found.n} by Spearman-Brown)"
        )
    n = "" if found.n is None else f"{found.n} "
    return (
        f"by the {n}repeats within a trial alone (1 - squared standard error / variance over the "
        "pairs), which leaves out what another source network would change"
    )


def _within_targets(found: Reliability) -> str:
    return (
        f"Within targets two seeds agree by {found.single:.2f}: reliability {found.value:.2f}, "
        f"ceiling {found.ceiling:.2f}."
    )


def _of_repeats(repeats: Reliability) -> str:
    n = "" if repeats.n is None else f" {repeats.n}"
    return (
        f"By its{n} repeats within a trial alone it would be {repeats.value:.2f}; that leaves out "
        "what another source network would change."
    )


def _remedy(verdict: Verdict, found: Reliability) -> str:
    """How many seeds or repeats would be enough."""
    if math.isinf(found.times):
        return (
            f"That is below {WANTED}. Nothing is found again, so that how many {found.of} would "
            "reach it cannot be told."
        )
    enough = (
        f"{found.times:.1f} times as many {found.of} would reach it"
        if found.needed is None
        else f"{found.needed} {found.of} would reach it"
    )
    said = f"That is below {WANTED}; by Spearman-Brown {enough}"
    if found.of == "repeats":
        return f"{said}."
    times = repeats_for(verdict.truth, found)
    if math.isnan(times):
        return f"{said}."
    if math.isinf(times):
        return (
            f"{said}. With {found.n} seeds no number of repeats would, as far as "
            "the standard errors over repeats tell: the seeds differ by more."
        )
    return f"{said}. With {found.n} seeds {_more_repeats(verdict, times)} would, too."


def _more_repeats(verdict: Verdict, times: float) -> str:
    n = verdict.truth.n_repeats
    return f"{times:.1f} times the repeats" if n is None else f"{math.ceil(n * times)} repeats"


def counted_pairs(verdict: Verdict) -> tuple[int, int, int]:
    """Pairs that the truth has: all, those with disjoint classes, those of unknown classes."""
    has = np.isfinite(verdict.truth.closeness()) & ~np.eye(len(verdict.lacking), dtype=np.bool_)
    lacking = verdict.lacking[has]
    return len(lacking), int((lacking == DISJOINT).sum()), int(np.isnan(lacking).sum())


def class_notes(verdict: Verdict) -> list[str]:
    """Why no pair is judged apart, or which pairs could not be; empty where there is nothing."""
    n, n_disjoint, n_unknown = counted_pairs(verdict)
    if n_unknown == n:
        return ["Which pairs share classes is not known, so none are judged apart; the method "
                f"{METHOD} would tell."]  # fmt: skip
    if n_disjoint == n:
        return [f"All {n} pairs have disjoint classes, so none are judged apart."]
    if not n_disjoint and not n_unknown:
        return [f"Each of the {n} pairs shares a class, so none are judged apart."]
    of = f"{n_unknown} of {counted(n, 'pair')}"
    unknown = f"The classes of {of} are not known; {METHOD} would tell them."
    none = "No pair is known to have disjoint classes, so none are judged apart."
    return [*([] if n_disjoint else [none]), *([unknown] if n_unknown else [])]


def counting_notes(verdicts: Sequence[Verdict]) -> list[str]:
    """Which methods are not better than counting shared classes; empty where that is no contest."""
    leads = [(v.contestant.title, v.lead) for v in verdicts if v.lead is not None]
    if not leads:
        return []
    reached = sorted({round(lead.of_counting, 2) for _, lead in leads})
    counted = " to ".join(f"{value:+.2f}" for value in dict.fromkeys((reached[0], reached[-1])))
    own = any(v.contestant.fixed["method"] == METHOD for v in verdicts)
    by = "" if own else ", by the classes that the sweep names"
    behind = [title for title, lead in leads if not lead.is_ahead]
    how = ("; the 95 % interval of the difference over resampled seeds decides"
           if leads[0][1].interval is not None else "")  # fmt: skip
    said = f"better than counting shared classes (Spearman {counted} on the same pairs{by}{how})"
    if not behind:
        return [f"Every method agrees {said}."]
    return [f"Not {said}: {'; '.join(behind)}."]

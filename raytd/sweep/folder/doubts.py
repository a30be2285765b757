"""Why the number of a trial may not be believed, by what its row and its sweep say of networks.

This is the one place where the doubts of a row are made. The ledger adds them to the rows that it
reads, as the columns `same_weights_as` and `doubts`, so that they are never older than the rule.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from raytd.rows.grouping import PAIR, grouped
from raytd.rows.row import Row, cell

MARKS = {
    "A": "a model did not arrive, so that its path may be short because it stopped following",
    "G": "a source model is no better than guessing, so that what starts from it says nothing",
    "W": "two sources have the same weights, so that one of them is not the source's own",
    "C": "a coupling did not converge",
    "M": "the last iteration still changed the distance by more than the tolerance",
}
"""What the marks of a row mean."""

SERIOUS = frozenset("AGW")
"""Marks of numbers that may be small for a wrong reason: a candidate with one ranks last."""

CHANCE_LEVEL = 0.01
"""A source counts as at chance unless guessing would do as well less often than this."""


class Doubt(NamedTuple):
    """One reason for doubt: its mark, and what is the matter here in words."""

    mark: str
    text: str

    @property
    def is_serious(self) -> bool:
        """Whether the number may be small for a wrong reason."""
        return self.mark in SERIOUS


def row_doubts(row: Row) -> tuple[Doubt, ...]:
    """What is doubtful about one row, the serious first; nothing of a trial without a result.

    Args:
        row: of a trial; `same_weights_as` is there if `with_doubts` has seen it.
    """
    if row.get("status", "done") != "done":
        return ()
    twins = row.get("same_weights_as")
    found = [
        Doubt("A", "did not arrive") if denied(row, "arrived") else None,
        _at_chance(row),
        Doubt("W", f"same weights as source {twins}") if twins else None,
        Doubt("C", "coupling not converged") if denied(row, "coupling_converged") else None,
        Doubt("M", "still moving") if denied(row, "distance_converged") else None,
    ]
    return tuple(doubt for doubt in found if doubt is not None)


def with_doubts(rows: Sequence[Row]) -> list[Row]:
    """The same rows with two columns more, both None where there is nothing to say.

    `same_weights_as` names the other sources of these rows whose networks have the same weights;
    `doubts` is everything that `row_doubts` finds.
    """
    sources: dict[str, dict[str, None]] = {}
    for row in rows:
        if (digest := row.get("source_weights")) is not None:
            sources.setdefault(digest, {})[str(row.get("source"))] = None
    found: list[Row] = []
    for row in rows:
        same = sources.get(row.get("source_weights") or "", {})
        twins = [source for source in same if source != row.get("source")]
        own: Row = {**row, "same_weights_as": ", ".join(twins) or None}
        own["doubts"] = "; ".join(doubt.text for doubt in row_doubts(own)) or None
        found.append(own)
    return found


def gathered(rows: Iterable[Row]) -> tuple[Doubt, ...]:
    """The doubts of several rows, one for each mark: that of the first row that has it."""
    found: dict[str, Doubt] = {}
    for row in rows:
        for doubt in row_doubts(row):
            found.setdefault(doubt.mark, doubt)
    return tuple(found[mark] for mark in MARKS if mark in found)


def pair_doubts(rows: Iterable[Row]) -> dict[tuple[str, str], tuple[Doubt, ...]]:
    """The doubts of the results of each pair that has some, one for each mark."""
    pairs = grouped(rows, PAIR).items()
    return {(s, t): found for (s, t), own in pairs if (found := gathered(own))}


def denied(row: Row, column: str) -> bool:
    """Whether a fact is known to be false; what a method does not report is not."""
    return isinstance(value := cell(row, column), bool | np.bool_) and not value


def _at_chance(row: Row) -> Doubt | None:
    """Whether guessing does as well as the source model on the source's validation images.

    Guessing names the largest class each time. A one-sided binomial test asks how often it would
    be right for as many images as the model was; rows that do not say how many have no doubt.
    """
    accuracy, n, share = (cell(row, f"source_{c}") for c in ("accuracy", "val_images", "chance"))
    if accuracy is None or not n or share is None:
        return None
    if _as_good_by_chance(round(accuracy * n), n, share) < CHANCE_LEVEL:
        return None
    return Doubt("G", f"source at chance ({accuracy:.2f}, guessing {share:.2f}, n = {n})")


@cache
def _as_good_by_chance(n_right: int, n: int, share: float) -> float:
    """How often guesses, each right with probability `share`, are right as often or more often."""
    from scipy.stats import binom

    return float(binom.sf(n_right - 1, n, share))

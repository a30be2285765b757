"""Two settings of one axis, pair by pair: is the one smaller than the other, and by how much?"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from raytd.report.doubts import doubts
from raytd.report.naming import quantity, unit_of
from raytd.report.statistics.intervals import (
    Interval,
    SignedRank,
    geometric_mean,
    ratio_interval,
    share_interval,
    signed_rank,
    t_interval,
)
from raytd.report.statistics.ties import order
from raytd.rows.grouping import PAIR, grouped, single
from raytd.rows.row import Row, cell, number
from raytd.sweep.folder.doubts import Doubt

_FIXED = ("method", "model")


@dataclass(frozen=True)
class PairComparison:
    """One pair of tasks under both settings, seed by seed, everything else the same.

    Attributes:
        source: the task it starts from.
        target: the task it goes to.
        seeds: those that both sides have.
        lefts: the numbers under the left setting, by seed.
        rights: the numbers under the right setting, by seed.
        doubts: what a reader must know before believing the difference.
        tracking_gaps: how far the model lagged behind on the left and on the right, in nats, mean
            over seeds; None where a method has no trajectory.
    """

    source: str
    target: str
    seeds: tuple[Any, ...]
    lefts: tuple[float, ...]
    rights: tuple[float, ...]
    doubts: tuple[Doubt, ...] = ()
    tracking_gaps: tuple[float | None, float | None] = (None, None)

    @property
    def left(self) -> float:
        """Mean over seeds under the left setting."""
        return fmean(self.lefts)

    @property
    def right(self) -> float:
        """Mean over seeds under the right setting."""
        return fmean(self.rights)

    @property
    def differences(self) -> tuple[float, ...]:
        """Right minus left, by seed."""
        return tuple(b - a for a, b in zip(self.lefts, self.rights, strict=True))

    @property
    def difference(self) -> float:
        """Right minus left, mean over seeds."""
        return fmean(self.differences)

    @property
    def order(self) -> int:
        """-1 where right is the smaller mean, 1 where it is the larger one, 0 where they tie."""
        return order(self.right, self.left)

    @property
    def is_doubtful(self) -> bool:
        """Whether a number may be small for a wrong reason, such as a model that did not arrive."""
        return any(doubt.is_serious for doubt in self.doubts)

    @property
    def difference_interval(self) -> Interval | None:
        """Student's interval for the difference over seeds; None with one seed."""
        return t_interval(self.differences)

    @property
    def ratios(self) -> tuple[float, ...]:
        """Right over left, by seed; NaN where left is zero."""
        return tuple(b / a if a else math.nan for a, b in zip(self.lefts, self.rights, strict=True))

    @property
    def ratio(self) -> float:
        """Right over left, geometric mean over seeds; NaN where a ratio is not positive."""
        return geometric_mean(self.ratios)

    @property
    def ratio_interval(self) -> Interval | None:
        """Student's interval for the logarithm of the ratio, as ratios; None with one seed."""
        return ratio_interval(self.ratios)


@dataclass(frozen=True)
class Comparison:
    """All pairs that both settings have. Pairs, not seeds, are the units of share and test.

    Pairs whose numbers tie (`raytd.report.statistics.ties`) are counted apart: they are neither
    smaller nor larger, and no part of share and test.

    Attributes:
        by: the axis in which the sides differ.
        left: its left setting.
        right: its right setting.
        value: the column that is compared.
        quantity: what the numbers are, in words.
        unit: the unit of the numbers; None for pure numbers, and where the sides differ.
        fixed: method, model and the other axes, and their settings, the same on both sides.
        pairs: one per pair of tasks.
        unmatched: results that only one side has.
    """

    by: str
    left: Any
    right: Any
    value: str
    quantity: str
    unit: str | None
    fixed: Mapping[str, Any]
    pairs: tuple[PairComparison, ...]
    unmatched: int

    @property
    def n_smaller(self) -> int:
        """How many pairs are smaller on the right."""
        return sum(pair.order < 0 for pair in self.pairs)

    @property
    def n_equal(self) -> int:
        """How many pairs are equal on both sides, but for rounding."""
        return sum(pair.order == 0 for pair in self.pairs)

    @property
    def n_different(self) -> int:
        """How many are not."""
        return len(self.pairs) - self.n_equal

    @property
    def share_smaller(self) -> float:
        """Share, of the pairs that differ, that are smaller on the right; NaN where none do."""
        return self.n_smaller / self.n_different if self.n_different else math.nan

    @property
    def share_interval(self) -> Interval | None:
        """Clopper and Pearson's interval for that share, as if pairs were independent."""
        return share_interval(self.n_smaller, self.n_different)

    @property
    def signed_rank(self) -> SignedRank | None:
        """Wilcoxon's test of the differences of pairs; None where all are zero."""
        return signed_rank([pair.difference for pair in self.pairs if pair.order])

    @property
    def median_ratio(self) -> float:
        """Median over pairs of right over left; NaN where no pair has a ratio."""
        ratios = [pair.ratio for pair in self.pairs if not math.isnan(pair.ratio)]
        return median(ratios) if ratios else math.nan

    @property
    def median_tracking_gaps(self) -> tuple[float, float] | None:
        """Medians of the tracking gaps, left and right; None where one side has none."""
        left, right = (
            [g for pair in self.pairs if (g := pair.tracking_gaps[side]) is not None]
            for side in (0, 1)
        )
        return (median(left), median(right)) if left and right else None

    @property
    def n_seeds(self) -> int:
        """The most seeds that a pair has."""
        return max((len(pair.seeds) for pair in self.pairs), default=0)


def compare(
    rows: Sequence[Row],
    by: str,
    left: Any,
    right: Any,
    *,
    value: str = "value",
    axes: Sequence[str] = (),
) -> list[Comparison]:
    """Matches results that differ in one axis: a comparison for each setting of all others.

    An axis that one side does not have, as `coupled.lam` in a method without a coupling, does not
    tell its results apart: they are compared with each setting of it. Seeds are paired.

    Args:
        rows: rows of results.parquet; those without a number are left out.
        by: the axis to compare along.
        left: its setting on the left.
        right: its setting on the right.
        value: the column to compare.
        axes: further columns that must agree, such as `coupled.lam`.

    Raises:
        InputError: one side has two results that differ in no axis named here.
    """
    columns = [c for c in dict.fromkeys((*_FIXED, *axes)) if c not in (by, "seed")]
    kept = [row for row in rows if number(row, value) is not None]
    ours, theirs = (
        grouped([row for row in kept if cell(row, by) == setting], columns)
        for setting in (left, right)
    )
    for rows in (*ours.values(), *theirs.values()):
        single(rows, (*PAIR, *columns, "protocol", *(() if by == "seed" else ("seed",))))
    found = []
    for a, b in ((a, b) for a in ours for b in theirs):
        if any(x != y and None not in (x, y) for x, y in zip(a, b, strict=True)):
            continue
        sides = [*ours[a], *theirs[b]]
        pairs = tuple(_pairs(ours[a], theirs[b], value, by=by, names=(str(left), str(right))))
        common = 2 * sum(len(pair.seeds) for pair in pairs)
        found.append(
            Comparison(
                by=by,
                left=left,
                right=right,
                value=value,
                quantity=quantity(sides, value),
                unit=unit_of(sides, value),
                fixed={c: y if x is None else x for c, x, y in zip(columns, a, b, strict=True)},
                pairs=pairs,
                unmatched=len(sides) - common,
            )
        )
    return found


def _pairs(
    ours: Sequence[Row], theirs: Sequence[Row], value: str, *, by: str, names: tuple[str, str]
) -> Iterator[PairComparison]:
    seed = () if by == "seed" else ("seed",)
    left, right = (grouped(rows, PAIR) for rows in (ours, theirs))
    for source, target in left:
        own, others = (grouped(side.get((source, target), ()), seed) for side in (left, right))
        matched = {key: _match(own[key], others[key]) for key in own if key in others}
        if not matched:
            continue
        lefts, rights = zip(*matched.values(), strict=True)
        yield PairComparison(
            source=source,
            target=target,
            seeds=tuple(key[0] if key else None for key in matched),
            lefts=tuple(float(cell(row, value)) for row in lefts),
            rights=tuple(float(cell(row, value)) for row in rights),
            doubts=tuple(doubts(lefts, rights, value, names=names)),
            tracking_gaps=(_mean(lefts, "tracking_gap"), _mean(rights, "tracking_gap")),
        )


def _match(ours: Sequence[Row], theirs: Sequence[Row]) -> tuple[Row, Row]:
    """Within one protocol where it can be, else across protocols."""
    there = {row.get("protocol"): row for row in reversed(theirs)}
    common = next((row for row in ours if row.get("protocol") in there), None)
    return (ours[0], theirs[0]) if common is None else (common, there[common.get("protocol")])


def _mean(rows: Sequence[Row], column: str) -> float | None:
    found = [n for row in rows if (n := number(row, column)) is not None]
    return fmean(found) if found else None

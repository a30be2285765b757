"""Two settings of one axis, pair by pair: is the one smaller than the other, and by how much?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from raytd.errors import InputError
from raytd.report.rows import Row, number, unit_of

_MATCHED = ("source", "target", "method", "model", "seed")
_Key = tuple[Any, ...]
_Side = dict[_Key, dict[Any, Row]]


@dataclass(frozen=True)
class PairedRow:
    """One pair of tasks under both settings, everything else the same.

    Attributes:
        source: the task it starts from.
        target: the task it goes to.
        fixed: model, seed and the other axes, and their settings.
        left: the number under the left setting.
        right: the number under the right setting.
        same_protocol: whether both lengths are on one scale.
        tracking_gaps: how far the model lagged behind on the left and on the right, in nats; None
            where a method has no trajectory.
    """

    source: str
    target: str
    fixed: Mapping[str, Any]
    left: float
    right: float
    same_protocol: bool
    tracking_gaps: tuple[float | None, float | None]

    @property
    def difference(self) -> float:
        """Right minus left, in their unit."""
        return self.right - self.left

    @property
    def ratio(self) -> float:
        """Right over left; NaN where left is zero."""
        return self.right / self.left if self.left else math.nan


@dataclass(frozen=True)
class PairedRows:
    """All pairs that both settings have.

    Attributes:
        by: the axis in which the sides differ.
        left: its left setting.
        right: its right setting.
        unit: the unit of the numbers.
        pairs: one row per pair, seed and setting of the other axes.
        unmatched: results that only one side has.
    """

    by: str
    left: Any
    right: Any
    unit: str | None
    pairs: tuple[PairedRow, ...]
    unmatched: int

    @property
    def n_smaller(self) -> int:
        """How many pairs are smaller on the right."""
        return sum(pair.right < pair.left for pair in self.pairs)

    @property
    def share_smaller(self) -> float:
        """Share of pairs that are smaller on the right; NaN where there are none."""
        return self.n_smaller / len(self.pairs) if self.pairs else math.nan

    @property
    def median_ratio(self) -> float:
        """Median of right over left; NaN where no pair has a ratio."""
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
    def protocols_differ(self) -> bool:
        """Whether some pair compares lengths of different protocols."""
        return not all(pair.same_protocol for pair in self.pairs)

    def summary(self) -> str:
        """The comparison in one line."""
        if not self.pairs:
            return f"{self.right} and {self.left} have no pair in common"
        line = (
            f"{self.right} is smaller than {self.left} in {self.n_smaller} of {len(self.pairs)}"
            f" pairs; median ratio {self.median_ratio:.3g}"
        )
        gaps = self.median_tracking_gaps
        if gaps is not None:
            line += f"; median tracking gap {gaps[1]:.2g} against {gaps[0]:.2g} nats"
        if self.protocols_differ:
            line += "; their protocols differ, so these lengths are not on one scale"
        return line


def paired(
    rows: Sequence[Row],
    by: str = "method",
    left: Any = "uncoupled",
    right: Any = "coupled",
    value: str = "value",
    *,
    axes: Sequence[str] = (),
) -> PairedRows:
    """Matches results that differ in one axis.

    A result is matched within its protocol where it can be, else across protocols.

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
    columns = [c for c in dict.fromkeys((*_MATCHED, *axes)) if c != by]
    kept = [row for row in rows if number(row, value) is not None]
    sides = [_side([row for row in kept if row.get(by) == s], columns) for s in (left, right)]
    pairs = tuple(
        PairedRow(
            source=a["source"],
            target=a["target"],
            fixed={column: a.get(column) for column in columns[2:]},
            left=float(a[value]),
            right=float(b[value]),
            same_protocol=a.get("protocol") == b.get("protocol"),
            tracking_gaps=(number(a, "tracking_gap"), number(b, "tracking_gap")),
        )
        for a, b in _matches(*sides)
    )
    total = sum(len(protocols) for side in sides for protocols in side.values())
    unit = next((unit_of(row, value) for row in kept), None)
    return PairedRows(by, left, right, unit, pairs, total - 2 * len(pairs))


def _side(rows: Sequence[Row], columns: Sequence[str]) -> _Side:
    side: _Side = {}
    for row in rows:
        protocols = side.setdefault(tuple(row.get(column) for column in columns), {})
        if row.get("protocol") in protocols:
            place = ", ".join(f"{c} {row.get(c)}" for c in columns if row.get(c) is not None)
            raise InputError(f"two results at {place}; name the axis in which they differ")
        protocols[row.get("protocol")] = row
    return side


def _matches(left: _Side, right: _Side) -> list[tuple[Row, Row]]:
    found = []
    for key, ours in left.items():
        theirs = right.get(key, {})
        common = [protocol for protocol in ours if protocol in theirs]
        if common:
            found += [(ours[protocol], theirs[protocol]) for protocol in common]
        elif theirs:
            found.append((next(iter(ours.values())), next(iter(theirs.values()))))
    return found

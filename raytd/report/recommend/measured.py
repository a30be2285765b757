"""What transfer to a target was measured to reach: accuracy and gain, source by source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from raytd.report.judge.contestants import contestants
from raytd.report.naming import row_error
from raytd.report.statistics.margins import margins, ranks
from raytd.rows.grouping import grouped, holds
from raytd.rows.row import Row, cell, number
from raytd.sweep.folder.doubts import gathered
from raytd.sweep.folder.seed_errors import standard_error

METHOD = "transfer"
"""The method that measures it."""


@dataclass(frozen=True)
class Measured:
    """What a source with a network reached.

    Attributes:
        source: the task that was transferred from.
        model: the network.
        accuracy: after fine-tuning on few images, mean over seeds.
        accuracy_error: its standard error, over seeds or within the one run; None if not known.
        gain: of that, what is owed to the source; None where a row does not say.
        gain_error: likewise.
        n_seeds: over which it is the mean.
        doubts: why it says little of the source, such as that the source model only guesses.
        rank: from 1, among all that was measured for the target; what ties shares one.
    """

    source: str
    model: Any
    accuracy: float
    accuracy_error: float | None
    gain: float | None
    gain_error: float | None
    n_seeds: int = 1
    doubts: tuple[str, ...] = ()
    rank: int = 0

    @property
    def may_gain_nothing(self) -> bool:
        """Whether training from scratch may do as well: two standard errors do not tell."""
        return self.gain is not None and self.gain <= 2 * (self.gain_error or 0.0)


def measured_transfer(
    rows: Sequence[Row], target: str, axes: Sequence[str] = ()
) -> tuple[list[Measured], list[str]]:
    """What was measured for a target, the best first, and what was left out of that, in words.

    Where transfer was measured with several settings, the first of each network counts.
    """
    own = [row for row in rows if row["method"] == METHOD and number(row, "value") is not None]
    firsts: dict[Any, Mapping[str, Any]] = {}
    dropped: dict[str, None] = {}
    for contestant in contestants(own, axes=axes, columns=("value",)):
        if firsts.setdefault(contestant.fixed["model"], contestant.fixed) is not contestant.fixed:
            dropped[contestant.title] = None
    ours = [row for row in own if row["target"] == target != row["source"]]
    first = [row for row in ours if holds(row, firsts[row["model"]])]
    here = grouped(first, ("source", "model"))
    left_out = f"transfer was measured with several settings; not shown: {', '.join(dropped)}"
    return _ranked(here), [left_out] if dropped and here else []


def _ranked(found: Mapping[tuple[Any, ...], Sequence[Row]]) -> list[Measured]:
    if not found:
        return []
    seeds = list(dict.fromkeys(row.get("seed") for rows in found.values() for row in rows))
    values, errors = np.full((2, len(seeds), len(found)), np.nan)
    for place, rows in enumerate(found.values()):
        for row in rows:
            column = _accuracy_column(row)
            values[seeds.index(row.get("seed")), place] = number(row, column)
            errors[seeds.index(row.get("seed")), place] = row_error(row, column)
    means = [-float(mean) for mean in np.nanmean(values, axis=0)]
    ordered = ranks(means, margins(values, errors).widths)
    items = list(found.items())
    return [_measured(*items[place], rank) for rank, place in ordered]


def _measured(ends: tuple[Any, ...], rows: Sequence[Row], rank: int) -> Measured:
    accuracy, accuracy_error = _mean(rows, _accuracy_column(rows[0]))
    gain, gain_error = _mean(rows, "gain")
    assert accuracy is not None  # rows without a number are left out before
    source, model = ends
    return Measured(
        source=source,
        model=model,
        accuracy=accuracy,
        accuracy_error=accuracy_error,
        gain=gain,
        gain_error=gain_error,
        n_seeds=len({row.get("seed") for row in rows}),
        doubts=tuple(doubt.text for doubt in gathered(rows) if doubt.is_serious),
        rank=rank,
    )


def _accuracy_column(row: Row) -> str:
    """Where its accuracy stands; a row that names none has it in `value`."""
    return "accuracy" if number(row, "accuracy") is not None else "value"


def _mean(rows: Sequence[Row], column: str) -> tuple[float | None, float | None]:
    known = [row for row in rows if number(row, column) is not None]
    values = [float(cell(row, column)) for row in known]
    if not values:
        return None, None
    if (error := standard_error(values)) is not None:
        return fmean(values), error
    stated = row_error(known[0], column)
    return values[0], stated if np.isfinite(stated) else None

"""Distance matrices: trials that may stand beside one another, sources as rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from raytd.report.naming import SCORE, label, quantity, row_error, setting, task_order, unit_of
from raytd.rows.grouping import PAIR, grouped, single, varying_within
from raytd.rows.row import Row, number
from raytd.sweep.folder.doubts import Doubt, pair_doubts
from raytd.sweep.folder.seed_errors import standard_error
from raytd.words import counted

Floats = npt.NDArray[np.float64]
_NEVER_MIXED = ("method", "model", "protocol")


@dataclass(frozen=True)
class DistanceMatrix:
    """Distances of one method, one model, one protocol and one setting of every other axis.

    Attributes:
        fixed: the axes that are the same in every cell, and their settings.
        details: the model and whatever else tells this matrix from the others, in words.
        quantity: what the numbers are, in words.
        unit: their unit; None for pure numbers.
        sources: tasks of the rows.
        targets: tasks of the columns.
        values: mean over seeds, (sources, targets); NaN where there is no result.
        spread: standard deviation over seeds (n - 1); NaN where there are fewer than two.
        errors: standard error of `values`: from the scatter of seeds where there are several, else
            the one that the trial states; NaN where it states none.
        n_seeds: how many seeds stand behind each cell.
        doubts: what is doubtful about the results behind a cell, by source and target.
    """

    fixed: Mapping[str, Any]
    details: tuple[str, ...]
    quantity: str
    unit: str | None
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    values: Floats
    spread: Floats
    errors: Floats
    n_seeds: npt.NDArray[np.int64]
    doubts: Mapping[tuple[str, str], tuple[Doubt, ...]]

    @property
    def method(self) -> str:
        """The method of every cell."""
        return str(self.fixed["method"])

    @property
    def is_score(self) -> bool:
        """Whether the numbers are larger where tasks are closer, so that they are no distances."""
        return self.quantity == SCORE

    def marks(self, row: int, column: int) -> str:
        """The letters of what is doubtful about a cell; empty where nothing is."""
        found = self.doubts.get((self.sources[row], self.targets[column]), ())
        return "".join(doubt.mark for doubt in found)

    @property
    def title(self) -> str:
        """What tells this matrix from the others, in one line."""
        return ", ".join((self.method, *self.details))

    @property
    def label(self) -> str:
        """Quantity and unit, as on a colour bar."""
        return label(self.quantity, self.unit)

    @property
    def seeds(self) -> str:
        """How many seeds the cells with a result have, in words."""
        counts = self.n_seeds[self.n_seeds > 0]
        if not counts.size:
            return "no results"
        low, high = int(counts.min()), int(counts.max())
        return f"{low} to {counted(high, 'seed')}" if low < high else counted(high, "seed")


def distance_matrices(
    rows: Sequence[Row],
    value: str = "value",
    *,
    axes: Sequence[str] = (),
    tasks: Sequence[str] | None = None,
) -> list[DistanceMatrix]:
    """One matrix per combination of method, model, protocol and every further axis.

    Args:
        rows: rows of results.parquet; those that failed leave a hole.
        value: the column to show.
        axes: further columns whose settings must not be mixed, such as `coupled.lam`.
        tasks: their order; as they first appear if None.

    Raises:
        InputError: two results for one pair and one seed, so that an axis is missing in `axes`.
    """
    order = list(tasks) if tasks is not None else task_order(rows)
    done = [row for row in rows if number(row, value) is not None]
    columns = list(dict.fromkeys((*_NEVER_MIXED, *axes)))
    groups = grouped(done, columns)
    telling = varying_within(done, "method", columns)
    ends = _ends(rows, order)
    return [
        _matrix(group, dict(zip(columns, key, strict=True)), value, telling[key[0]], ends)
        for key, group in groups.items()
    ]


def _ends(rows: Sequence[Row], order: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    sources = {row["source"] for row in rows}
    targets = {row["target"] for row in rows}
    return tuple(t for t in order if t in sources), tuple(t for t in order if t in targets)


def _matrix(
    group: Sequence[Row],
    fixed: Mapping[str, Any],
    value: str,
    telling: Sequence[str],
    ends: tuple[tuple[str, ...], tuple[str, ...]],
) -> DistanceMatrix:
    sources, targets = ends
    shape = (len(sources), len(targets))
    values, spread, errors = (np.full(shape, np.nan) for _ in range(3))
    n_seeds = np.zeros(shape, dtype=np.int64)
    single(group, (*PAIR, "seed"))  # a pair has one result of each seed
    for (source, target), rows in grouped(group, PAIR).items():
        if source not in sources or target not in targets:
            continue
        cell = sources.index(source), targets.index(target)
        numbers = np.array([number(row, value) for row in rows])
        values[cell], n_seeds[cell] = numbers.mean(), numbers.size
        if numbers.size > 1:
            spread[cell] = numbers.std(ddof=1)
        errors[cell] = mean_error(rows, value)
    return DistanceMatrix(
        fixed=fixed,
        details=_details(fixed, telling),
        quantity=quantity(group, value),
        unit=unit_of(group, value),
        sources=sources,
        targets=targets,
        values=values,
        spread=spread,
        errors=errors,
        n_seeds=n_seeds,
        doubts=pair_doubts(group),
    )


def mean_error(rows: Sequence[Row], value: str) -> float:
    """Standard error of a mean over seeds; of one seed what its row states; NaN if nothing does.

    Args:
        rows: with a number, one for each seed.
        value: the column that is averaged.
    """
    scatter = standard_error([n for row in rows if (n := number(row, value)) is not None])
    return row_error(rows[0], value) if scatter is None else scatter


def _details(fixed: Mapping[str, Any], telling: Sequence[str]) -> tuple[str, ...]:
    """The model always, where there is one; another axis where results of a method differ in it."""
    named = {axis: setting for axis, setting in fixed.items() if setting is not None}
    models = [str(named["model"])] if "model" in named else []
    others = [axis for axis in telling if axis in named and axis != "model"]
    return (*models, *(f"{axis} {setting(named[axis])}" for axis in others))

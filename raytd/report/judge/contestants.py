"""Who is judged: every method, network and setting, as a stack of matrices over the seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from raytd.report.naming import row_error, task_order, words
from raytd.rows.grouping import PAIR, grouped, single, varying_within
from raytd.rows.row import Row, number
from raytd.sweep.folder.doubts import Doubt, pair_doubts

Floats = npt.NDArray[np.float64]

_KEPT_APART = ("method", "model", "protocol")
_ALSO = ("noise_free_length",)
"""Columns that are contestants of their own where a method has them."""


@dataclass(frozen=True)
class Contestant:
    """The numbers of one method with one network, one protocol and one setting of other axes.

    Attributes:
        fixed: method, model, protocol and the other axes, and their settings.
        column: of the results table.
        title: what tells it from the others.
        smaller_is_closer: how to read its numbers.
        tasks: of rows and columns.
        seeds: of the layers.
        values: (seeds, sources, targets), as they are; NaN where there is none.
        wall_s: seconds of a trial, mean.
        forward_images: of a trial, mean; NaN where no trial says.
        doubts: what is doubtful about the results of a pair, by source and target.
        errors: (seeds, sources, targets), standard errors over the repeats within a trial; NaN
            where it has none.
        n_repeats: how many these are; None where no trial says, or trials differ.
    """

    fixed: Mapping[str, Any]
    column: str
    title: str
    smaller_is_closer: bool
    tasks: tuple[str, ...]
    seeds: tuple[Any, ...]
    values: Floats
    wall_s: float
    forward_images: float
    doubts: Mapping[tuple[str, str], tuple[Doubt, ...]]
    errors: Floats
    n_repeats: int | None

    def closeness(self, layers: Sequence[int] | None = None) -> Floats:
        """(sources, targets), larger is closer: the mean over seeds, or over chosen layers.

        A pair without a number in one of them has none.
        """
        chosen = self.values if layers is None else self.values[list(layers)]
        mean: Floats = chosen.mean(axis=0)
        return -mean if self.smaller_is_closer else mean


def contestants(
    rows: Sequence[Row], *, axes: Sequence[str] = (), columns: Sequence[str] = ("value", *_ALSO)
) -> list[Contestant]:
    """Every contestant that the rows hold, in their order.

    Args:
        rows: rows of results.parquet; those that failed leave a hole.
        axes: further columns whose settings must not be mixed, such as `coupled.lam`.
        columns: what is judged; `value`, and of the others those that a method has.

    Raises:
        InputError: two results for one pair and one seed, so that an axis is missing in `axes`.
    """
    done = [row for row in rows if row.get("status", "done") == "done"]
    apart = [axis for axis in dict.fromkeys((*_KEPT_APART, *axes)) if axis != "seed"]
    groups = grouped(done, apart)
    telling = varying_within(done, "method", apart)
    tasks = tuple(task_order(done))
    return [
        _contestant(group, dict(zip(apart, key, strict=True)), column, telling[key[0]], tasks)
        for key, group in groups.items()
        for column in columns
        if any(number(row, column) is not None for row in group)
    ]


def _contestant(
    group: Sequence[Row],
    fixed: Mapping[str, Any],
    column: str,
    telling: Sequence[str],
    tasks: tuple[str, ...],
) -> Contestant:
    seeds = tuple(dict.fromkeys(row.get("seed") for row in group))
    values = np.full((len(seeds), len(tasks), len(tasks)), np.nan)
    errors = values.copy()
    for (source, target, seed), row in single(group, (*PAIR, "seed")).items():
        cell = seeds.index(seed), tasks.index(source), tasks.index(target)
        found = number(row, column)
        values[cell] = np.nan if found is None else found
        errors[cell] = row_error(row, column, over_repeats=True)
    named = [fixed[axis] if axis == "model" else f"{axis} {fixed[axis]}" for axis in telling
             if fixed[axis] is not None]  # fmt: skip
    own = [] if column == "value" else [words(column).removesuffix(" length")]
    return Contestant(
        fixed=fixed,
        column=column,
        title=", ".join(map(str, [fixed["method"], *own, *named])),
        smaller_is_closer=bool(group[0].get("smaller_is_closer", True)),
        tasks=tasks,
        seeds=seeds,
        values=values,
        wall_s=_mean(group, "wall_s"),
        forward_images=_mean(group, "forward_images"),
        doubts=pair_doubts(row for row in group if number(row, column) is not None),
        errors=errors,
        n_repeats=_only([number(row, "n_repeats") for row in group]),
    )


def _mean(group: Sequence[Row], column: str) -> float:
    found = [n for row in group if (n := number(row, column)) is not None]
    return sum(found) / len(found) if found else float("nan")


def _only(counts: Sequence[Any]) -> int | None:
    """The count that all have; None where they differ, or one has none."""
    return int(counts[0]) if len(set(counts)) == 1 and counts[0] is not None else None

"""The error of a mean over seeds, from how far the seeds scatter.

The error of one trial, `distance_error`, is another figure: see `raytd.transfer.distance_error`.
The ledger adds the columns to the rows that it reads, so that they count the trials of today.
"""

import math
from collections.abc import Sequence
from statistics import stdev

from raytd.rows.grouping import grouped, held
from raytd.rows.row import Row, number

_SAME = ("method", "model", "protocol", "source", "target", "source_digest", "target_digest")
"""What rows have in common that differ in the seed alone, beside every axis."""


def with_seed_errors(rows: Sequence[Row]) -> list[Row]:
    """The same rows with two columns more, both None for a trial without a number.

    `n_seeds` counts the seeds of a trial's pair, method, network, protocol and axes, and
    `seeds_error` is the standard error of the mean of their values: s / √n with n − 1 degrees of
    freedom. It is None for one seed, and where two results have one seed: these differ in something
    that is no axis, and their scatter is not that of seeds.
    """
    axes = sorted({name for row in rows for name in row if "." in name})
    numbered = [row for row in rows if number(row, "value") is not None]
    same = (*_SAME, *axes)
    known = {key: _figures(group) for key, group in grouped(numbered, same).items()}
    nothing: Row = {"n_seeds": None, "seeds_error": None}
    return [
        {**row, **(nothing if number(row, "value") is None else known[held(row, same)])}
        for row in rows
    ]


def standard_error(values: Sequence[float]) -> float | None:
    """Of the mean of independent values; None where there are fewer than two."""
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


def _figures(group: Sequence[Row]) -> Row:
    seeds = {row.get("seed") for row in group}
    values = [value for row in group if (value := number(row, "value")) is not None]
    error = standard_error(values) if len(seeds) == len(group) else None
    return {"n_seeds": len(seeds), "seeds_error": error}

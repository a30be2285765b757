"""The error of a mean over seeds, from how far the seeds scatter.

The error of one trial, `distance_error`, is another figure: see `raytd.transfer.distance_error`.
The ledger adds the columns to the rows that it reads, so that they count the trials of today.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import stdev
from typing import Any

Row = Mapping[str, Any]

COLUMNS = ("n_seeds", "seeds_error")
"""What is added to a row; the same in all rows of a group."""

_SAME = ("method", "model", "protocol", "source", "target", "source_digest", "target_digest")
"""What rows have in common that differ in the seed alone, beside every axis."""


def with_seed_errors(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The same rows with two columns more, both None for a trial without a number.

    `n_seeds` counts the seeds of a trial's pair, method, network, protocol and axes, and
    `seeds_error` is the standard error of the mean of their values: s / √n with n − 1 degrees of
    freedom. It is None for one seed, and where two results have one seed: these differ in something
    that is no axis, and their scatter is not that of seeds.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if _has_value(row):
            groups.setdefault(_identity(row), []).append(row)
    known = {identity: _figures(group) for identity, group in groups.items()}
    nothing = dict.fromkeys(COLUMNS)
    return [{**row, **(known[_identity(row)] if _has_value(row) else nothing)} for row in rows]


def standard_error(values: Sequence[float]) -> float | None:
    """Of the mean of independent values; None where there are fewer than two."""
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


def _figures(group: Sequence[Row]) -> dict[str, Any]:
    seeds = {row.get("seed") for row in group}
    alone = len(seeds) == len(group)
    error = standard_error([float(row["value"]) for row in group]) if alone else None
    return {"n_seeds": len(seeds), "seeds_error": error}


def _identity(row: Row) -> tuple[Any, ...]:
    """Everything but the seed; an axis has a dot in its name."""
    axes = sorted((name, repr(row[name])) for name in row if "." in name and row[name] is not None)
    return (*(row.get(name) for name in _SAME), *axes)


def _has_value(row: Row) -> bool:
    value = row.get("value")
    return row.get("status", "done") == "done" and value is not None and math.isfinite(value)

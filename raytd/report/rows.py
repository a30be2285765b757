"""Rows of results.parquet: which of them count, and what their columns are called."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

_NAMES = {
    "value": "distance",
    "fisher_rao_length": "Fisher-Rao length",
    "noise_free_length": "noise-free length",
    "distance_20": "distance at 20 knots",
    "distance_10": "distance at 10 knots",
}
_REPEATED = ("accuracy", "final_accuracy", "gain", "final_gain")
"""Columns of `transfer` that are means over repeats."""
_WITH_ERROR = ("distance", "accuracy", "final_accuracy", "gain")
"""Columns with an error of their own, one of which `value` repeats."""
_ERRORS = {"noise_free_length": "noise_free_error"}
"""Errors that are not called after their column."""
_WITH_UNIT = frozenset({"distance", "label_part", "excess", "fisher_rao_norm_integral", *_NAMES})


def number(row: Row, column: str) -> float | None:
    """The finite number in a column; None where the trial failed or has none."""
    value = row.get(column)
    if row.get("status", "done") != "done" or value is None or not math.isfinite(value):
        return None
    return float(value)


def row_error(row: Row, column: str) -> float:
    """The standard error of a column that its row carries; NaN where it carries none."""
    for name in _named(row, column, _WITH_ERROR):
        found = number(row, _ERRORS.get(name, f"{name}_error"))
        if found is not None:
            return found
    return math.nan


def error_over_repeats(row: Row, column: str) -> float | None:
    """The standard error of a mean over the repeats within a trial; None where there is none."""
    of = _named(row, column, _REPEATED)
    return number(row, f"{of[0]}_error") if of and of[0] in _REPEATED else None


def _named(row: Row, column: str, among: Sequence[str]) -> list[str]:
    """The column itself; of `value` those that it may repeat, and does in this row."""
    if column != "value":
        return [column]
    value = number(row, "value")
    return [name for name in among if value is not None and number(row, name) == value]


def quantity(column: str) -> str:
    """What a column holds, in words."""
    return _NAMES.get(column, column.replace("_", " "))


def unit_of(row: Row, column: str) -> str | None:
    """The unit of a column; shares, accuracies and pure numbers have none."""
    unit = row.get("unit") if column in _WITH_UNIT else None
    return str(unit) if unit and unit != "1" else None


def varying(rows: Iterable[Row], columns: Sequence[str]) -> list[str]:
    """The columns that do not hold the same in all rows."""
    listed = list(rows)
    return [column for column in columns if len({row.get(column) for row in listed}) > 1]


def setting(value: Any) -> str:
    """The setting of an axis as it is written: 20 for 20.0."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def task_order(rows: Iterable[Row]) -> list[str]:
    """Every task that is a source or a target, as they first appear."""
    return list(dict.fromkeys(str(row[end]) for row in rows for end in ("source", "target")))

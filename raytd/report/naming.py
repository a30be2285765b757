"""What stands in a column of the results, in words: its name, its unit, and its error."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from raytd.methods.registry import COLUMNS
from raytd.rows.column import Column
from raytd.rows.row import COMMON, Row, number

SCORE = "score"
"""What the values of a method are called of which more is closer."""

TRIAL_COLUMNS = (
    "value",
    "distance_error",
    "fisher_rao_length",
    "noise_free_length",
    "noise_free_error",
    "noise_share",
    "target_accuracy",
    "effective_partners",
    "wall_s",
)
"""What a table of trials shows of each, where any of them has it."""

_ERRORS = frozenset(column.error for column in COLUMNS.values())


def row_error(row: Row, column: str, *, over_repeats: bool = False) -> float:
    """The standard error of a column that its row carries; NaN where it carries none.

    Args:
        row: of a trial.
        column: that has an error.
        over_repeats: whether it must be one over repeats within the trial, as those are that a
            method declares for columns of its own.
    """
    for known in _known(row, column):
        if over_repeats and known.name in COMMON:
            continue
        found = None if known.error is None else number(row, known.error)
        if found is not None:
            return found
    return math.nan


def _known(row: Row, column: str) -> list[Column]:
    """The column, if it is declared; of `value` those that it repeats in this row."""
    if column != "value":
        return [COLUMNS[column]] if column in COLUMNS else []
    value = number(row, "value")
    same = [c for c in COLUMNS.values() if c.error is not None and number(row, c.name) == value]
    return [] if value is None else same


def quantity(rows: Sequence[Row], column: str) -> str:
    """What a column of these rows holds, in words; `value` is no distance where more is closer."""
    ways = {row.get("smaller_is_closer", True) for row in rows}
    if column != "value" or ways <= {True}:
        return words(column)
    return SCORE if ways == {False} else column


def words(column: str) -> str:
    """What a column is called in a sentence."""
    return COLUMNS[column].words if column in COLUMNS else column.replace("_", " ")


def unit_of(rows: Iterable[Row], column: str) -> str | None:
    """The unit of a column in these rows; None for pure numbers, and where the rows differ."""
    if column != "value":
        return COLUMNS[column].unit if column in COLUMNS else None
    units = {row.get("unit") for row in rows if number(row, column) is not None}
    unit = units.pop() if len(units) == 1 else None
    return None if unit in (None, "1") else str(unit)


def label(what: str, unit: str | None) -> str:
    """What stands at an axis or above a column: a quantity with its unit."""
    return what if unit is None else f"{what} ({unit})"


def column_label(column: str) -> str:
    """What stands at an axis of a column that has one unit in all rows."""
    return label(words(column), COLUMNS[column].unit)


def trial_columns(rows: Sequence[Row]) -> list[str]:
    """Those of `TRIAL_COLUMNS` in which some row has a number."""
    return [c for c in TRIAL_COLUMNS if any(trial_figure(row, c) is not None for row in rows)]


def trial_figure(row: Row, column: str) -> float | None:
    """What one of `TRIAL_COLUMNS` shows of a trial.

    The error beside `value` is that of the figure which the method returns, such as an accuracy.
    """
    return value_error(row) if column == COLUMNS["distance"].error else number(row, column)


def value_error(row: Row) -> float | None:
    """The standard error of the figure that the method returns; None where its row has none."""
    error = row_error(row, "value")
    return None if math.isnan(error) else error


def heading(rows: Sequence[Row], column: str) -> str:
    """What stands above a column of a table; an error stands beside its number."""
    return "±" if column in _ERRORS else label(quantity(rows, column), unit_of(rows, column))


def setting(value: Any) -> str:
    """The setting of an axis as it is written: 20 for 20.0."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def task_order(rows: Iterable[Row]) -> list[str]:
    """Every task that is a source or a target, as they first appear."""
    return list(dict.fromkeys(end for row in rows for end in (row["source"], row["target"])))

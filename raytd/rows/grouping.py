"""Which rows belong together: those of one pair, one method, one seed, one setting."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from raytd.errors import InputError
from raytd.rows.row import Row

PAIR = ("source", "target")


def grouped(rows: Iterable[Row], columns: Sequence[str]) -> dict[tuple[Any, ...], list[Row]]:
    """The rows by what they hold in some columns, as these first appear."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(held(row, columns), []).append(row)
    return found


def single(rows: Iterable[Row], columns: Sequence[str]) -> dict[tuple[Any, ...], Row]:
    """As `grouped`, where no two rows may hold the same.

    Raises:
        InputError: two rows do.
    """
    found = grouped(rows, columns)
    for key, own in found.items():
        if len(own) > 1:
            named = zip((*columns, "method"), (*key, own[0].get("method")), strict=True)
            place = ", ".join(f"{column} {value}" for column, value in named if value is not None)
            raise InputError(f"two results at {place}; name the axis in which they differ")
    return {key: own[0] for key, own in found.items()}


def held(row: Mapping[str, Any], columns: Sequence[str]) -> tuple[Any, ...]:
    """What a row holds in some columns; None where it has no such column, a tuple for a list."""
    found = (row.get(column) for column in columns)
    return tuple(tuple(value) if isinstance(value, list) else value for value in found)


def holds(row: Mapping[str, Any], fixed: Mapping[str, Any]) -> bool:
    """Whether a row holds these values, by column."""
    return held(row, [*fixed]) == tuple(fixed.values())


def varying_within(
    rows: Iterable[Row], column: str, columns: Sequence[str]
) -> dict[Any, list[str]]:
    """By each value of one column, which others do not hold the same in all rows that have it."""
    return {key: varying(own, columns) for (key,), own in grouped(rows, (column,)).items()}


def varying(rows: Iterable[Row], columns: Sequence[str]) -> list[str]:
    """The columns that do not hold the same in all rows."""
    listed = list(rows)
    return [column for column in columns if len({held(row, (column,)) for row in listed}) > 1]

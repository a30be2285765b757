"""Which trials of a table, and in which order: conditions such as `distance<3`, and columns."""

import math
import re
from collections.abc import Callable, Sequence
from operator import eq, ge, gt, le, lt, ne
from typing import Any, NamedTuple

import pyarrow as pa

from raytd.errors import RequestError
from raytd.rows.row import Row, cell
from raytd.sweep.document.wording import did_you_mean

_FORM = re.compile(r"\s*([\w.]+)\s*(>=|<=|!=|=|~|<|>)\s*(.*?)\s*", re.DOTALL)
_ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_EQUAL: dict[str, Callable[[Any, Any], bool]] = {"=": eq, "!=": ne}
_NONE = ("none", "null")
_STATES = {"status": ("done", "failed")}
_MOST_NAMED = 20
_FACTS = {"true": True, "yes": True, "false": False, "no": False}


class Condition(NamedTuple):
    """One condition on one column."""

    column: str
    sign: str
    wanted: Any

    def holds(self, row: Row) -> bool:
        """Whether a row meets it; nothing is smaller or larger than a value that is missing."""
        found = cell(row, self.column)
        if self.sign in _EQUAL:
            return _EQUAL[self.sign](found, self.wanted)
        if found is None:
            return False
        if self.sign == "~":
            return str(self.wanted).lower() in str(found).lower()
        return _ORDER[self.sign](found, self.wanted)


def chosen_rows(
    rows: Sequence[Row], schema: pa.Schema, *, where: Sequence[str] = (), sort: str | None = None
) -> list[Row]:
    """The rows that meet every condition, in order.

    Args:
        rows: rows of results.parquet.
        schema: of their table.
        where: conditions: a column, one of `=`, `!=`, `<`, `<=`, `>`, `>=` and `~` (contains), and
            a value; `none` is a value that is missing. A text that must be equal is one of those
            that the column has.
        sort: a column, with `-` before it for the largest first; what is missing comes last.

    Raises:
        RequestError: with everything that is wrong with them.
    """
    problems: list[str] = []
    conditions = [read for text in where if (read := _condition(text, rows, schema, problems))]
    column = (sort or "").removeprefix("-")
    if sort is not None:
        problems += column_problems([column], schema, option="--sort")
    if problems:
        raise RequestError(problems)
    kept = [row for row in rows if all(condition.holds(row) for condition in conditions)]
    return kept if sort is None else _sorted(kept, column, downwards=sort.startswith("-"))


def column_problems(columns: Sequence[str], schema: pa.Schema, *, option: str) -> list[str]:
    """What is wrong with names of columns, in words."""
    return [
        f"{option}: no column '{column}'{did_you_mean(column, schema.names)}"
        for column in columns
        if column not in schema.names
    ]


def _condition(
    text: str, rows: Sequence[Row], schema: pa.Schema, problems: list[str]
) -> Condition | None:
    """Reads one condition; what is wrong with it is added to `problems`."""
    match = _FORM.fullmatch(text)
    if match is None:
        problems.append(
            f"--where {text!r}: not a condition; it is a column, one of = != < <= > >= ~, and a "
            "value, such as distance<3 or source~digits"
        )
        return None
    column, sign, written = match.groups()
    unknown = column_problems([column], schema, option=f"--where {text!r}")
    problem, wanted = unknown[0] if unknown else None, None
    if problem is None:
        wanted, reason = _value(written, sign, schema.field(column).type)
        reason = reason or _unknown_value(column, sign, wanted, rows)
        problem = f"--where {text!r}: {reason}" if reason else None
    if problem is not None:
        problems.append(problem)
        return None
    return Condition(column, sign, wanted)


def _value(written: str, sign: str, kind: pa.DataType) -> tuple[Any, str | None]:
    """What is compared with, in the type of the column, and what is wrong with it."""
    bare = written[1:-1] if re.fullmatch(r"(['\"]).*\1", written, re.DOTALL) else written
    if sign in _EQUAL and written.lower() in _NONE:
        return None, None
    if sign == "~":
        return bare, None
    if pa.types.is_boolean(kind):
        if sign in _EQUAL and written.lower() in _FACTS:
            return _FACTS[written.lower()], None
        return None, "the column holds facts: = or !=, and true or false"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        try:
            return float(written), None
        except ValueError:
            return None, f"the column holds numbers, and {bare!r} is none"
    return (bare, None) if sign in _EQUAL else (None, "the column holds text: =, != or ~")


def _unknown_value(column: str, sign: str, wanted: Any, rows: Sequence[Row]) -> str | None:
    """What is wrong with a text that no row has where it must be equal; None if nothing is.

    Numbers are not looked at: that none is equal is an answer. Nor is the state of a trial.
    """
    if sign not in _EQUAL or not isinstance(wanted, str) or wanted in _STATES.get(column, ()):
        return None
    found = [cell(row, column) for row in rows]
    known = list(dict.fromkeys(value for value in found if isinstance(value, str)))
    if wanted in known or not rows:
        return None
    more = f", and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    there = ", ".join(known[:_MOST_NAMED]) or "none"
    hint = did_you_mean(wanted, known)
    return f"no trial that has ended has the {column} {wanted!r}; there are {there}{more}{hint}"


def _sorted(rows: Sequence[Row], column: str, *, downwards: bool) -> list[Row]:
    known = [row for row in rows if not _is_missing(cell(row, column))]
    missing = [row for row in rows if _is_missing(cell(row, column))]
    return sorted(known, key=lambda row: cell(row, column), reverse=downwards) + missing


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))

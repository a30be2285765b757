"""What to say of a name that the results do not have: which names there are."""

from collections.abc import Sequence

from raytd.rows.row import Row, cell, number
from raytd.sweep.document.wording import did_you_mean
from raytd.words import counted


def without_results(
    rows: Sequence[Row], method: str, column: str, *, option: str, column_option: str
) -> str:
    """Why a method has no number in a column, in one line.

    Args:
        rows: rows of results.parquet.
        method: as the user wrote it.
        column: likewise.
        option: by which the method was named.
        column_option: by which the column was named.
    """
    methods = list(dict.fromkeys(str(row["method"]) for row in rows))
    if method not in methods:
        there = ", ".join(methods) or "none"
        hint = did_you_mean(method, methods)
        return f"{option} {method}: there are no results of {method}; there are {there}{hint}"
    own = [row for row in rows if row["method"] == method]
    if not any(number(row, "value") is not None for row in own):
        return (
            f"{option} {method}: none of its {counted(len(own), 'trial')} has ended with a number"
        )
    columns = dict.fromkeys(
        c for row in own for c in row if c != "seed" and _is_number(cell(row, c))
    )
    hint = did_you_mean(column, columns) or f"; there are {', '.join(columns)}"
    return f"{column_option} {column}: the results of {method} have no such number{hint}"


def unknown_choice(word: str, known: Sequence[str], *, option: str, what: str, kind: str) -> str:
    """The message for a name that an option does not know, in one line.

    Args:
        word: as the user wrote it.
        known: the names that there are.
        option: that was given the word.
        what: what is wrong.
        kind: what the names are of, such as `targets`.
    """
    there = f"{kind} are {', '.join(known)}" if known else f"there are no {kind}"
    return f"{option} {word}: {what}; {there}{did_you_mean(word, known)}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

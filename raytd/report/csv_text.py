"""Rows as comma-separated text."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any


def as_csv(rows: Sequence[Mapping[str, Any]], names: Sequence[str] | None = None) -> str:
    """Rows below a line of names; numbers with all their digits, nothing for None.

    Args:
        rows: each a column's value by its name.
        names: of the columns; None takes every one that a row has, as they first appear.
    """
    text = io.StringIO()
    columns = list(dict.fromkeys(n for row in rows for n in row)) if names is None else names
    lines = csv.DictWriter(text, columns, lineterminator="\n")
    lines.writeheader()
    lines.writerows(rows)
    return text.getvalue()

"""Tables of the page, with a caption and headers that belong to their cells."""

from collections.abc import Collection, Sequence
from html import escape
from typing import TYPE_CHECKING

from raytd.report.page.words import names

if TYPE_CHECKING:
    from rich.table import Table


def table(
    title: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numeric: Collection[int],
    n_named: int = 2,
) -> str:
    """A table whose first columns are the headers of each row.

    Args:
        title: its caption.
        head: a heading for each column.
        rows: texts, a row for each line.
        numeric: columns that stand to the right.
        n_named: how many of the first columns say what a row is about.
    """
    look = [' class="n"' if i in numeric else "" for i in range(len(head))]

    def cell(index: int, text: str) -> str:
        if index < n_named:
            return f'<th scope="row">{names(text.split(", "))}</th>'
        return f"<td{look[index]}>{escape(text)}</td>"

    heads = "".join(
        f'<th scope="col"{own}>{escape(text)}</th>' for own, text in zip(look, head, strict=True)
    )
    lines = "".join(f"<tr>{''.join(cell(i, t) for i, t in enumerate(row))}</tr>" for row in rows)
    return (
        f'<div class="wide" tabindex="0"><table class="list"><caption>{escape(title)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def from_terminal(shown: "Table") -> str:
    """A table of the terminal, whose first column says what a row is about."""
    head = [" ".join(str(column.header).split()) for column in shown.columns]
    rows = list(zip(*(map(str, column.cells) for column in shown.columns), strict=True))
    right = [i for i, column in enumerate(shown.columns) if column.justify == "right"]
    return table(str(shown.title or ""), head, rows, numeric=right, n_named=1)

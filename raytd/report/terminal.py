"""Results as tables in the terminal."""

from collections.abc import Sequence
from textwrap import shorten
from typing import Any, Literal

from rich import box
from rich.table import Table
from rich.text import Text

from raytd.methods.registry import COLUMNS
from raytd.report.errors import meanings, written
from raytd.report.matrices import DistanceMatrix
from raytd.report.naming import TRIAL_COLUMNS, heading, trial_columns, trial_figure
from raytd.rows.column import PLAIN
from raytd.rows.grouping import varying, varying_within
from raytd.rows.row import Row, cell
from raytd.sweep.folder.doubts import MARKS, row_doubts

_WHERE_VARYING = ("method", "model", "seed")


def results_table(
    rows: Sequence[Row],
    *,
    title: str | None = None,
    axes: Sequence[str] = (),
    compact: bool = False,
) -> Table:
    """One line per trial; what all trials share, and notes that nobody has, get no column.

    Args:
        rows: rows of results.parquet.
        title: stands above the table.
        axes: further columns that tell trials apart, such as `coupled.lam`.
        compact: leaves out what a terminal of 80 columns has no room for: the lengths beside the
            distance, accuracy and partners.
    """
    done = [row for row in rows if row.get("status") != "failed"]
    telling = dict.fromkeys((*_WHERE_VARYING, *axes))
    named = ["source", "target", *varying(rows, [*telling]), *_protocol(done)]
    named += varying(done, ["unit"])
    remarks = ["; ".join(shorten(n, 60, placeholder=" …") for n in notes(row)) for row in rows]
    known = trial_columns(done) if done else TRIAL_COLUMNS
    shown = [c for c in known if not compact or c in _COMPACT]
    table = _table(title)
    for column in named:
        table.add_column(_heading(column), overflow="fold")
    for column in shown:
        table.add_column(_folded(heading(done, column)), justify="right", no_wrap=True)
    if any(remarks):
        table.add_column("notes", overflow="fold")
    for row, remark in zip(rows, remarks, strict=True):
        cells: list[Text | str] = [
            *(_text(cell(row, c)) for c in named),
            *(COLUMNS[column].show(trial_figure(row, column)) for column in shown),
        ]
        table.add_row(*cells, *([Text(remark)] if any(remarks) else []))
    return table


def plain_table(rows: Sequence[Row], columns: Sequence[str], width: int) -> Table:
    """The given columns of every row: numbers to the right, a dash where nothing is known.

    Where they have no room beside one another, each row is a list of its columns.

    Args:
        rows: rows of results.parquet.
        columns: of them, in this order.
        width: columns of the window.
    """
    if sum(_room(rows, column) + _GAP for column in columns) > width:
        return _lists(rows, columns)
    table = _table(None)
    for column in columns:
        numeric = any(isinstance(cell(row, column), int | float) for row in rows)
        justify: Literal["left", "right"] = "right" if numeric else "left"
        table.add_column(_heading(column), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(cell(row, column)) for column in columns))
    return table


def _room(rows: Sequence[Row], column: str) -> int:
    """What a column takes: its longest cell, of which a long one may be folded."""
    longest = max((len(str(_cell(cell(row, column)))) for row in rows), default=0)
    return max(max(map(len, _heading(column).split("\n"))), min(longest, _FOLDED))


_FOLDED = 16


def _lists(rows: Sequence[Row], columns: Sequence[str]) -> Table:
    """Every row as lines of a name and a value, and an empty line behind it."""
    table = Table.grid(padding=(0, _GAP))
    table.add_column(style="bold", overflow="fold")
    table.add_column(overflow="fold")
    for row in rows:
        for column in columns:
            table.add_row(column, _cell(cell(row, column)))
        table.add_row("", "")
    return table


def _protocol(rows: Sequence[Row]) -> list[str]:
    """That column, where results of one method differ in it."""
    return ["protocol"] if any(varying_within(rows, "method", ["protocol"]).values()) else []


def matrix_tables(matrix: DistanceMatrix, width: int) -> list[Table]:
    """A distance matrix: sources as rows, targets as columns, a dash where nothing is known.

    Targets that have no room beside one another are dealt over several tables. A number has its
    standard error behind it, and the marks of its doubts; `legend` explains both.

    Args:
        matrix: to be shown.
        width: columns of the window.
    """
    corner = "source \\ target"
    first = min(max(map(len, (corner, *matrix.sources))), width // 3)
    cells = _cells(matrix)
    longest = max((len(cell) for line in cells for cell in line), default=0)
    each = max(min(max(map(len, matrix.targets)), _TARGET), longest)
    n = max(1, (width - first - _GAP) // (each + _GAP))
    tables = []
    for begin in range(0, len(matrix.targets), n):
        table = _table(f"{matrix.title}: {matrix.label}, {matrix.seeds}" if begin == 0 else None)
        table.add_column(corner, style="bold", overflow="fold")
        for target in matrix.targets[begin : begin + n]:
            table.add_column(target, justify="right", overflow="fold")
        for source, line in zip(matrix.sources, cells, strict=True):
            table.add_row(source, *line[begin : begin + n])
        tables.append(table)
    return tables


_TARGET = 16
"""Columns that the name of a target has on one line, at most."""

_GAP = 2
"""Columns between two columns of a table."""


def _cells(matrix: DistanceMatrix) -> list[list[str]]:
    """Numbers with their errors and marks, a list for each source."""
    return [
        [_cell_text(matrix, i, j) for j in range(len(matrix.targets))]
        for i in range(len(matrix.sources))
    ]


def _cell_text(matrix: DistanceMatrix, row: int, column: int) -> str:
    value, error = float(matrix.values[row, column]), written(matrix, row, column)
    return " ".join(filter(None, (PLAIN.show(value), error, matrix.marks(row, column))))


def legend(matrices: Sequence[DistanceMatrix]) -> list[str]:
    """What errors and marks beside the numbers of these matrices mean, one line each."""
    lines = [f"{sign:<2} {text}" for sign, text in meanings(matrices).items()]
    met = {d.mark for matrix in matrices for found in matrix.doubts.values() for d in found}
    return lines + [f"{mark}  {text}" for mark, text in MARKS.items() if mark in met]


def notes(row: Row) -> list[str]:
    """What a reader must know before believing a number, in words."""
    if row.get("status") == "failed":
        error = str(row.get("error") or "").strip() or "no message"
        return [f"failed: {error.splitlines()[0]}"]
    known = [doubt.text for doubt in row_doubts(row)]
    return known + ([str(row["warnings"])] if row.get("warnings") else [])


def _table(title: str | None) -> Table:
    return Table(
        title=None if title is None else Text(title, no_wrap=True, overflow="ignore"),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )


def _heading(column: str) -> str:
    """A column's name; what follows a dot may stand below."""
    return column.replace(".", ".\n")


def _cell(value: Any) -> Text:
    return Text(PLAIN.show(value)) if isinstance(value, float | bool) else _text(value)


def _text(value: Any) -> Text:
    return Text("-" if value is None else str(value))


def _folded(heading: str) -> str:
    """A heading with each word on a line of its own."""
    return heading.replace(" ", "\n")


_COMPACT = frozenset({"value", "distance_error", "noise_share"})

"""What the terminal and the report folder show of a sweep."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from raytd.cli.terminal import open_console, open_table
from raytd.methods.registry import COLUMNS
from raytd.rows.row import Row, cell
from raytd.storage.path import StoragePath
from raytd.sweep.trials.plan import SweepPlan

if TYPE_CHECKING:
    from rich.table import Table

    from raytd.report.matrices import DistanceMatrix
    from raytd.tracking.base import RunsPage


def say(line: str) -> None:
    """A line of progress, on standard error."""
    sys.stderr.write(f"{line}\n")  # not click, which passes by a drawing where ASCII is written


def sweep_rows(plan: SweepPlan) -> list[Row]:
    """The rows of the sweep's own trials that have ended, in the order of the plan."""
    from raytd.sweep.folder.ledger import Ledger
    from raytd.sweep.folder.seed_errors import with_seed_errors

    ended = {row["trial_key"]: row for row in Ledger(plan.folder).rows()}
    own = [ended[trial.key] for trial in plan.suggested() if trial.key in ended]
    return with_seed_errors(own)


def write_report(plan: SweepPlan) -> list[StoragePath]:
    """Writes `results.parquet`, figures and page; returns what was written."""
    from raytd.report.page.write import write_report as write
    from raytd.report.saved import read_sweep
    from raytd.sweep.folder.ledger import Ledger

    table = Ledger(plan.folder).write_results()
    written = write(read_sweep(plan.folder))
    return [table, written.page, *written.files]


def _axes(plan: SweepPlan) -> list[str]:
    """The axes that have a column of their own beside model and seed."""
    return [axis for axis in plan.spec.grid if axis not in ("model", "seed")]


def _best(plan: SweepPlan, rows: Sequence[Row]) -> list[Row]:
    """The rows that no search chose, and the best one of each search."""
    worse = plan.worse()
    return [row for row in rows if row["trial_key"] not in worse]


def _matrices(plan: SweepPlan, rows: Sequence[Row]) -> "list[DistanceMatrix]":
    """One matrix for everything that must not be mixed, tasks in the order of the sweep.

    Of each search the best trial stands for the others.
    """
    from raytd.report.matrices import distance_matrices

    return distance_matrices(
        _best(plan, rows), axes=_axes(plan), tasks=[t.name for t in plan.spec.tasks]
    )


def figures_table(row: Row) -> "Table":
    """The figures of one result, one a line, in the order of the columns of a table."""
    from raytd.report.naming import label

    title = f"{row['method']}: {row['source']} → {row['target']}, {row['model']}"
    table = open_table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    closer = "smaller" if row["smaller_is_closer"] else "larger"
    unit = "" if row["unit"] == "1" else f"{row['unit']}, "
    table.add_row(f"value ({unit}{closer} is closer)", COLUMNS["value"].show(row["value"]))
    for name, column in COLUMNS.items():
        value = cell(row, name)
        if name not in _ELSEWHERE and value is not None:
            table.add_row(label(column.words, column.unit), column.show(value))
    return table


_ELSEWHERE = frozenset({
    "trial_key", "status", "error", "method", "model", "source", "target", "seed", "value", "unit",
    "smaller_is_closer", "threads", "chunk", "raytd_version", "warnings", "parameters", "device",
    "source_weights", "source_val_images", "source_digest", "target_digest", "same_weights_as",
    "doubts", "n_seeds", "seeds_error", "iterations",
})  # fmt: skip
"""Columns that say what the row is about, or stand elsewhere."""


def show(plan: SweepPlan, *, as_json: bool, runs_page: "RunsPage | None" = None) -> None:
    """Prints the table of trials, the matrices, where everything is, and the answer in words.

    Args:
        plan: of the sweep.
        as_json: prints one document instead.
        runs_page: where MLflow shows the trials, if it does.
    """
    from raytd.report.recommend.answer import answers, in_lines
    from raytd.report.saved import axes_of

    rows = sweep_rows(plan)
    said = answers(rows, axes_of(plan.spec.grid, rows))
    if as_json:
        document = {
            "folder": str(plan.folder),
            "runs_page": None if runs_page is None else asdict(runs_page),
            "trials": rows,
            "answers": [str(one) for one in said],
        }
        click.echo(json.dumps(document, indent=2))
        return
    from raytd.report.compare import compare
    from raytd.report.comparison_text import summary
    from raytd.report.terminal import legend, matrix_tables, results_table

    console = open_console()
    console.print(results_table(rows, compact=console.width < 120))
    matrices = _matrices(plan, rows)
    for matrix in matrices:
        for table in matrix_tables(matrix, console.width):
            console.print(table)
    for line in legend(matrices):
        console.print(line)
    if {"coupled", "uncoupled"} <= set(plan.spec.methods):
        for one in compare(_best(plan, rows), "method", "uncoupled", "coupled", axes=_axes(plan)):
            console.print("\n".join(summary(one)))
    console.print(f"results  {plan.folder / 'results.parquet'}", soft_wrap=True)
    report = plan.folder / "report" / "index.html"
    where = report if report.exists() else f"none yet; raytd report {plan.folder} writes it"
    console.print(f"report   {where}", soft_wrap=True)
    if runs_page is not None:
        console.print(f"MLflow   {runs_page}", soft_wrap=True)
    for line in in_lines(said):
        console.print(line)

"""What the terminal and the report folder show of a sweep."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from raytd.cli.terminal import open_console, open_table
from raytd.methods.registry import COLUMNS
from raytd.report.printed import Printed, Unwrapped
from raytd.rows.row import Row, cell
from raytd.storage.path import StoragePath
from raytd.sweep.trials.plan import SweepPlan
from raytd.words import counted

if TYPE_CHECKING:
    import pyarrow
    from rich.console import RenderableType
    from rich.table import Table

    from raytd.report.matrices import DistanceMatrix
    from raytd.report.recommend.answer import Answer
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


@dataclass(frozen=True, repr=False)
class SweepOutcome(Printed):
    """What there is of a sweep after it has run: its table, its figures, and the answers.

    Attributes:
        plan: the sweep.
        rows: of its trials that have ended, in the order of the plan.
        answers: what to do about each target that has several sources; `str` of one is a line.
        runs_page: where MLflow shows the trials that ran; None if it does not.
    """

    plan: SweepPlan
    rows: tuple[Row, ...]
    answers: "tuple[Answer, ...]"
    runs_page: "RunsPage | None" = None

    @property
    def folder(self) -> StoragePath:
        """Where the sweep lies."""
        return self.plan.folder

    @property
    def table(self) -> "pyarrow.Table":
        """A row for each trial, as `raytd.results` gives it; `.to_pandas()` is a data frame."""
        from raytd.sweep.folder.ledger import as_table

        return as_table(self.rows)

    @property
    def failures(self) -> list[Row]:
        """The rows of trials that failed; `error` says why, in one line."""
        return [row for row in self.rows if row["status"] == "failed"]

    def document(self) -> dict[str, Any]:
        """Everything as plain data, which is what `raytd sweep --json` prints."""
        return {
            "folder": str(self.folder),
            "runs_page": None if self.runs_page is None else asdict(self.runs_page),
            "trials": list(self.rows),
            "answers": [str(one) for one in self.answers],
        }

    def show(self, *, as_json: bool) -> None:
        """Prints it, or the document."""
        if as_json:
            click.echo(json.dumps(self.document(), indent=2))
        else:
            self.print_to(open_console())

    def parts(self, width: int) -> "Iterator[RenderableType]":
        """The table of trials, the matrices, where everything is, and the answers."""
        from raytd.report.compare import compare
        from raytd.report.comparison_text import summary
        from raytd.report.recommend.answer import in_lines
        from raytd.report.terminal import legend, matrix_tables, results_table

        plan, rows = self.plan, self.rows
        yield results_table(rows, compact=width < 120)
        matrices = _matrices(plan, rows)
        for matrix in matrices:
            yield from matrix_tables(matrix, width)
        yield from legend(matrices)
        if {"coupled", "uncoupled"} <= set(plan.spec.methods):
            best, axes = _best(plan, rows), _axes(plan)
            for one in compare(best, "method", "uncoupled", "coupled", axes=axes):
                yield "\n".join(summary(one))
        yield Unwrapped(f"results  {plan.folder / 'results.parquet'}")
        report = plan.folder / "report" / "index.html"
        where = report if report.exists() else f"none yet; raytd report {plan.folder} writes it"
        yield Unwrapped(f"report   {where}")
        if self.runs_page is not None:
            yield Unwrapped(f"MLflow   {self.runs_page}")
        yield from in_lines(self.answers)

    def __repr__(self) -> str:
        trials = counted(len(self.rows), "trial")
        return f"SweepOutcome({trials}, {len(self.failures)} failed, {self.folder})"


def outcome_of(plan: SweepPlan, runs_page: "RunsPage | None" = None) -> SweepOutcome:
    """What there is of a sweep by now, and where MLflow shows it."""
    from raytd.report.recommend.answer import answers
    from raytd.report.saved import axes_of

    rows = sweep_rows(plan)
    said = tuple(answers(rows, axes_of(plan.spec.grid, rows)))
    return SweepOutcome(plan, tuple(rows), said, runs_page)

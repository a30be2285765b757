"""What the terminal and the report folder show of a sweep."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from raytd.cli.terminal import open_console, open_table
from raytd.storage.path import StoragePath
from raytd.sweep.trials.plan import SweepPlan

if TYPE_CHECKING:
    from rich.table import Table

    from raytd.report.matrices import DistanceMatrix


def say(line: str) -> None:
    """A line of progress, on standard error."""
    sys.stderr.write(f"{line}\n")  # not click, which passes by a drawing where ASCII is written


def sweep_rows(plan: SweepPlan) -> list[dict[str, Any]]:
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


def _best(plan: SweepPlan, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that no search chose, and the best one of each search."""
    worse = plan.worse()
    return [row for row in rows if row["trial_key"] not in worse]


def _matrices(plan: SweepPlan, rows: list[dict[str, Any]]) -> "list[DistanceMatrix]":
    """One matrix for everything that must not be mixed, tasks in the order of the sweep.

    Of each search the best trial stands for the others.
    """
    from raytd.report.matrices import distance_matrices

    return distance_matrices(
        _best(plan, rows), axes=_axes(plan), tasks=[t.name for t in plan.spec.tasks]
    )


_FIGURES = (
    ("distance", "distance"),
    ("  ± standard error", "distance_error"),
    ("  its label part", "label_part"),
    ("  its excess over that", "excess"),
    ("Fisher-Rao length", "fisher_rao_length"),
    ("noise-free length", "noise_free_length"),
    ("  ± from the noise of SGD", "noise_free_error"),
    ("noise share", "noise_share"),
    ("self-distance", "self_distance"),
    ("distance at 20 knots", "distance_20"),
    ("distance at 10 knots", "distance_10"),
    ("classes that share an output", "label_matching"),
    ("Fisher-Rao norm, integral", "fisher_rao_norm_integral"),
    ("generalisation gap (nats)", "generalisation_gap"),
    ("tracking gap (nats)", "tracking_gap"),
    ("learning rate", "lr"),
    ("effective partners", "effective_partners"),
    ("source accuracy", "source_accuracy"),
    ("source accuracy by guessing", "source_chance"),
    ("target accuracy", "target_accuracy"),
    ("  of the weights that move", "moving_accuracy"),
    ("arrived", "arrived"),
    ("coupling converged", "coupling_converged"),
    ("distance converged", "distance_converged"),
    ("SGD steps", "sgd_steps"),
    ("forward images", "forward_images"),
    ("wall time (s)", "wall_s"),
    ("protocol", "protocol"),
)


def figures_table(row: dict[str, Any]) -> "Table":
    """The figures of one result, one a line."""
    title = f"{row['method']}: {row['source']} → {row['target']}, {row['model']}"
    table = open_table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for label, column in _figures(row):
        value = row[column]
        text = f"{value:.4f}" if isinstance(value, float) else str(value)
        table.add_row(label, {"None": "-", "True": "yes", "False": "no"}.get(text, text))
    return table


def _figures(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Labels and columns: of a distance along a trajectory all, of a score those that it has."""
    if "fisher_rao_norm_integral" in row:
        return list(_FIGURES)
    closer = "smaller" if row["smaller_is_closer"] else "larger"
    known = {column: label for label, column in _FIGURES}
    first, *last = ("value", "sgd_steps", "forward_images", "wall_s", "protocol")
    hidden = {*_ABOUT, first, *last}
    own = [c for c in row if c not in hidden and "." not in c and row[c] is not None]
    labels = {c: known.get(c, c.replace("_", " ")) for c in (*own, *last)}
    unit = "" if row["unit"] == "1" else f"{row['unit']}, "
    return [(f"value ({unit}{closer} is closer)", first), *((labels[c], c) for c in labels)]


_ABOUT = (
    "trial_key", "status", "error", "method", "model", "source", "target", "seed", "unit",
    "smaller_is_closer", "threads", "chunk", "raytd_version", "warnings", "parameters", "device",
    "source_weights", "source_val_images", "same_weights_as",
)  # fmt: skip
"""Columns that say what the row is about, or stand elsewhere."""


def show(plan: SweepPlan, *, as_json: bool) -> None:
    """Prints the table of trials, the matrices, where everything is, and the answer in words."""
    from raytd.report.recommend.answer import answers, in_lines
    from raytd.report.saved import axes_of

    rows = sweep_rows(plan)
    said = answers(rows, axes_of(plan.spec.grid, rows))
    if as_json:
        document = {
            "folder": str(plan.folder),
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
    for line in in_lines(said):
        console.print(line)

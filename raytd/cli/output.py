"""What the terminal and the report folder show of a sweep."""

import json
from pathlib import Path
from typing import Any

import click

from raytd.sweep.plan import SweepPlan


def say(line: str) -> None:
    """A line of progress, on standard error."""
    click.echo(line, err=True)


def sweep_rows(plan: SweepPlan) -> list[dict[str, Any]]:
    """The rows of the sweep's own trials that have ended, in the order of the plan."""
    from raytd.sweep.ledger import Ledger

    ledger = Ledger(plan.folder)
    rows = [ledger.row(t.key) for t in plan.trials]
    return [row for row in rows if row is not None]


def write_report(plan: SweepPlan) -> list[Path]:
    """Writes `results.parquet` and a heat map per method; returns what was written."""
    from raytd.report.heatmap import save_heatmaps
    from raytd.report.matrices import distance_matrices
    from raytd.sweep.ledger import Ledger

    table = Ledger(plan.folder).write_results()
    tasks = [t.name for t in plan.spec.tasks]
    axes = [a for a in plan.spec.grid if a not in ("model", "seed")]
    matrices = distance_matrices(sweep_rows(plan), axes=axes, tasks=tasks)
    return [table, *save_heatmaps(matrices, plan.folder / "report")]


def show(plan: SweepPlan, *, as_json: bool) -> None:
    """Prints the table of trials, the matrices, and where everything is."""
    rows = sweep_rows(plan)
    if as_json:
        click.echo(json.dumps({"folder": str(plan.folder), "trials": rows}, indent=2))
        return
    from rich.console import Console

    from raytd.report.compare import paired
    from raytd.report.matrices import distance_matrices
    from raytd.report.terminal import matrix_table, results_table

    console = Console()
    tasks = [t.name for t in plan.spec.tasks]
    axes = [a for a in plan.spec.grid if a not in ("model", "seed")]
    console.print(results_table(rows))
    for matrix in distance_matrices(rows, axes=axes, tasks=tasks):
        console.print(matrix_table(matrix))
    if {"coupled", "uncoupled"} <= set(plan.spec.methods):
        console.print(paired(rows, axes=axes).summary())
    console.print(f"results  {plan.folder / 'results.parquet'}", soft_wrap=True)
    console.print(f"figures  {plan.folder / 'report'}", soft_wrap=True)

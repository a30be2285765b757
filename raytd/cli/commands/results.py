"""`raytd results SWEEP`: the table of trials."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from raytd.cli import options
from raytd.cli.terminal import open_console
from raytd.errors import RequestError
from raytd.storage.path import StoragePath
from raytd.words import part_of

if TYPE_CHECKING:
    from raytd.report.saved import SavedSweep
    from raytd.rows.row import Row

Rows = Sequence["Row"]


@click.command("results")
@options.sweep
@options.storage
@options.form("csv", "json", "parquet")
@click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="Only trials with e.g. method=coupled, distance<3, source~digits; repeatable: all hold.",
)
@click.option("--sort", metavar="COLUMN", help="Order by a column; -COLUMN: the largest first.")
@click.option("--columns", metavar="A,B,…", help="Only these columns.")
@click.option("--all", "with_others", is_flag=True, help="Trials that the file dropped, too.")
@click.option(
    "--out", type=options.UserPath(dir_okay=False), help="A file instead of the terminal."
)
@options.as_json
def command(
    sweep: str,
    *,
    storage: StoragePath,
    columns: str | None,
    out: Path | None,
    where: Sequence[str],
    sort: str | None,
    **given: Any,
) -> None:
    """The table of trials of SWEEP that have ended.

    SWEEP is the name of a sweep, its file, or its folder.
    """
    from raytd.report.saved import open_sweep
    from raytd.report.select import chosen_rows, column_problems
    from raytd.sweep.folder.ledger import as_table

    form = "json" if given["as_json"] else given["form"]
    if form == "parquet" and out is None and sys.stdout.isatty():
        raise RequestError("--format parquet is not for a terminal; name a file with --out")
    saved = open_sweep(sweep, storage)
    table = as_table([*saved.rows, *saved.other_rows] if given["with_others"] else saved.rows)
    names = table.schema.names if columns is None else [c.strip() for c in columns.split(",")]
    problems = column_problems(names, table.schema, option="--columns")
    try:
        rows = chosen_rows(table.to_pylist(), table.schema, where=where, sort=sort)
    except RequestError as error:
        problems += error.problems
    if problems:
        raise RequestError(problems)
    if saved.n_missing:
        verbs = {"one": "has not ended", "more": "have not ended"}
        click.echo(part_of(saved.n_missing, saved.n_trials, "trial", **verbs), err=True)
    for line in _remarks(rows, names, where, all_columns=columns is None):
        click.echo(line, err=True)
    content = _content(form, saved, rows, names, chosen_columns=columns is not None)
    if out is not None and form == "table":  # colours are for the eye
        content = click.unstyle(content.decode()).encode()
    _emit(content, out)


def _remarks(
    rows: Rows, names: Sequence[str], where: Sequence[str], *, all_columns: bool
) -> list[str]:
    """What the table does not say: that no trial is in it, or that numbers in it are doubtful."""
    from raytd.sweep.folder.doubts import row_doubts

    if not rows and where:
        return [f"no trial that has ended meets {' and '.join(where)}"]
    doubtful = sum(any(doubt.is_serious for doubt in row_doubts(row)) for row in rows)
    if all_columns or "doubts" in names or not doubtful:
        return []
    doubts = part_of(doubtful, len(rows), "trial", one="is doubtful", more="are doubtful")
    return [f"{doubts}; the column doubts says why"]


def _content(
    form: str, saved: "SavedSweep", rows: Rows, names: Sequence[str], *, chosen_columns: bool
) -> bytes:
    """The table in the form that was asked for."""
    from raytd.report.csv_text import as_csv
    from raytd.sweep.folder.ledger import as_table, parquet_bytes

    kept = [{name: row.get(name) for name in names} for row in rows]
    if form == "parquet":
        return parquet_bytes(as_table(rows).select(list(names)))
    if form == "json":
        document = {"sweep": saved.name, "folder": str(saved.folder), "trials": kept}
        return (json.dumps(document, indent=2) + "\n").encode()
    if form == "csv":
        return as_csv(kept, names).encode()
    return _printed(saved, rows, names if chosen_columns else None).encode()


def _printed(saved: "SavedSweep", rows: Rows, names: Sequence[str] | None) -> str:
    from raytd.report.terminal import plain_table, results_table

    console = open_console()
    with console.capture() as captured:
        if names is not None:
            console.print(plain_table(rows, names, console.width))
        else:
            console.print(results_table(rows, axes=saved.axes, compact=console.width < 120))
    return captured.get()


def _emit(content: bytes, out: Path | None) -> None:
    from raytd.storage.files import write_bytes

    if out is not None:
        write_bytes(out, content)
        click.echo(f"written  {out}", err=True)
    else:
        click.echo(content, nl=False)

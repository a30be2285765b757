"""`raytd compare SWEEP --by AXIS`: the same pairs side by side along one axis."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from raytd.cli import options
from raytd.cli.terminal import open_console
from raytd.errors import RequestError
from raytd.storage.path import StoragePath

if TYPE_CHECKING:
    from raytd.report.compare import Comparison

_MOST_TABLES = 4


@click.command("compare")
@options.sweep
@options.storage
@click.option("--by", default="model", show_default=True, metavar="AXIS", help="What differs.")
@click.option("--left", metavar="SETTING", help="The setting that --right is held against.")
@click.option("--right", metavar="SETTING", help="The other setting.")
@click.option(
    "--levels",
    metavar="A,B,…",
    help="Only these settings, the reference first.  [default: all, against the first]",
)
@click.option("--each", is_flag=True, help="Every two settings, not all against the first.")
@click.option(
    "--value",
    default="value",
    metavar="COLUMN",
    help="What is compared: noise_free_length, or any column of numbers.  [default: the distance]",
)
@click.option("--where", multiple=True, metavar="CONDITION", help="As in raytd results.")
@options.form("csv", "json")
@options.as_json
def command(
    sweep: str,
    *,
    storage: StoragePath,
    by: str,
    value: str,
    where: Sequence[str],
    **given: Any,
) -> None:
    """Compare the results of SWEEP along one axis, pair of tasks by pair of tasks.

    Everything else is the same on both sides. For each pair: mean, difference and ratio with a 95 %
    interval over seeds; over all pairs: how many became smaller, and Wilcoxon's signed-rank test.
    """
    from raytd.report.compare import compare
    from raytd.report.levels import chosen_pairs, levels
    from raytd.report.saved import open_sweep
    from raytd.report.select import chosen_rows
    from raytd.sweep.folder.ledger import as_table

    saved = open_sweep(sweep, storage)
    schema = as_table(saved.rows).schema
    _check_value(value, schema)
    rows = chosen_rows(saved.rows, schema, where=where)
    found = levels(rows, by, axes=saved.axes)
    pairs = chosen_pairs(found, **_named(given))
    comparisons = [
        one
        for left, right in pairs
        for one in compare(rows, by, left, right, value=value, axes=saved.axes)
    ]
    click.echo(
        _content("json" if given["as_json"] else given["form"], saved.name, comparisons), nl=False
    )


def _check_value(value: str, schema: Any) -> None:
    """Refuses a column that is not there or holds no numbers."""
    import pyarrow as pa

    from raytd.report.select import column_problems

    if problems := column_problems([value], schema, option="--value"):
        raise RequestError(problems)
    kind = schema.field(value).type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        raise RequestError(f"--value {value}: the column holds no numbers")


def _named(given: dict[str, Any]) -> dict[str, Any]:
    """The settings that were asked for, the reference first."""
    left, right, levels, each = (given[name] for name in ("left", "right", "levels", "each"))
    if (left is None) != (right is None):
        raise RequestError("--left and --right belong together; name both, or use --levels")
    if left is None or right is None:
        names = [] if levels is None else [name.strip() for name in levels.split(",")]
        return {"named": names, "every": each}
    if levels is not None:
        raise RequestError("--levels says what --left and --right say; use one of them")
    return {"named": [left, right], "every": each}


def _content(form: str, name: str, comparisons: "Sequence[Comparison]") -> str:
    from raytd.report.comparison_text import document, pair_rows
    from raytd.report.csv_text import as_csv

    if form == "json":
        return json.dumps({"sweep": name, **document(comparisons)}, indent=2) + "\n"
    if form == "csv":
        return as_csv(list(pair_rows(comparisons)))
    return _printed(comparisons)


def _printed(comparisons: "Sequence[Comparison]") -> str:
    from raytd.report.comparison_text import (
        doubt_lines,
        overview_lines,
        overview_table,
        pairs_table,
        summary,
    )

    console = open_console()
    with console.capture() as captured:
        if not comparisons:
            console.print("nothing to compare: no setting of the other axes is on both sides")
        for one in comparisons if len(comparisons) <= _MOST_TABLES else ():
            if one.pairs:
                console.print(pairs_table(one))
            for line in (*summary(one), *doubt_lines(one)):
                console.print(line)
            console.print()
        if len(comparisons) > 1:
            console.print(overview_table(comparisons))
            for line in overview_lines(comparisons):
                console.print(line)
    return captured.get()

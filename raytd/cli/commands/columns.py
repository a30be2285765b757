"""`raytd columns [NAME…]`: what stands in each column of the results."""

import json
from collections.abc import Sequence
from typing import Any

import click

from raytd.cli import options
from raytd.cli.terminal import open_console, open_table
from raytd.errors import RequestError

_TYPES = {str: "text", bool: "fact", int: "count", float: "number"}


@click.command("columns")
@click.argument("names", nargs=-1, metavar="[NAME]…")
@options.as_json
def command(names: Sequence[str], *, as_json: bool) -> None:
    """List the columns of the results: type, unit, and meaning.

    With NAME: those columns alone. Beside them a table has a column for each axis of the sweep.
    """
    from raytd.methods.registry import COLUMNS
    from raytd.sweep.document.wording import did_you_mean

    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise RequestError(
            [f"no column '{n}'{did_you_mean(n, COLUMNS) or '; raytd columns lists them'}"
             for n in unknown]
        )  # fmt: skip
    facts = [_facts(name) for name in names or COLUMNS]
    if as_json:
        click.echo(json.dumps({"columns": facts}, indent=2, ensure_ascii=False))
    else:
        _list(facts)


def _facts(name: str) -> dict[str, Any]:
    """A column, and the methods that it is declared by; none where all results may have it."""
    from raytd.methods.registry import COLUMNS, METHODS
    from raytd.rows.row import COMMON

    column = COLUMNS[name]
    own = [m.name for m in METHODS.values() if name not in COMMON and name in m.columns]
    return {
        "name": name,
        "type": _TYPES[column.type],
        "unit": column.unit,
        "error": column.error,
        "meaning": column.meaning,
        "methods": own,
    }


def _list(facts: Sequence[dict[str, Any]]) -> None:
    table = open_table(show_edge=False)
    for heading in ("column", "type", "unit"):
        table.add_column(heading, no_wrap=heading != "column", overflow="fold")
    table.add_column("meaning", overflow="fold", ratio=1)
    for one in facts:
        whose = f" ({', '.join(one['methods'])})" if one["methods"] else ""
        table.add_row(one["name"], one["type"], one["unit"] or "–", one["meaning"] + whose)
    open_console().print(table)

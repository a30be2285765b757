"""`raytd methods [NAME]`: every distance that can be swept, or all that one of them is told."""

import json
from typing import TYPE_CHECKING, Any

import click

from raytd.cli import options
from raytd.cli.terminal import open_console, open_table
from raytd.errors import RequestError

if TYPE_CHECKING:
    from raytd.engine.config import Settings
    from raytd.methods.method import Method


@click.command("methods")
@click.argument("name", required=False)
@options.as_json
def command(name: str | None, *, as_json: bool) -> None:
    """List the methods: their unit, what they read and need, and what they cost.

    With NAME: the keys that this method reads in a sweep file, with what they mean and their
    defaults. Other distributions bring methods by the entry point raytd.methods.
    """
    from raytd.methods.registry import METHODS

    if name is None:
        facts = [_facts(method) for method in METHODS.values()]
        if as_json:
            click.echo(json.dumps({"methods": facts}, indent=2, ensure_ascii=False))
        else:
            _list(facts)
        return
    if name not in METHODS:
        from raytd.sweep.file.pairs import unknown_method

        raise RequestError(unknown_method(name))
    method = METHODS[name]
    found = _facts(method) | {"keys": _keys(method), "columns": list(method.columns)}
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        _show(found)


def _facts(method: "Method") -> dict[str, Any]:
    own = [] if method.section is None else [method.section]
    return {
        "name": method.name,
        "summary": method.summary,
        "unit": method.unit,
        "smaller_is_closer": method.smaller_is_closer,
        "reads": [*own, *method.obeys],
        "networks": list(method.networks(method.settings())),
        "fixed": dict(method.fixed),
        "costs": method.costs,
    }


def _keys(method: "Method") -> list[dict[str, Any]]:
    """The keys that it reads, of its own section first."""
    from raytd.sweep.file.spec import SECTIONS

    own = [] if method.section is None else [(method.section, method.settings)]
    shared = [(section, SECTIONS[section]) for section in method.obeys]
    found = [key for section, kind in (*own, *shared) for key in _keys_of(section, kind)]
    return [key for key in found if method.reads(key["key"])]


def _keys_of(section: str, kind: "type[Settings]") -> list[dict[str, Any]]:
    """The keys of a section's settings; what they mean may stand where the section is declared."""
    from raytd.sweep.file.schema import told
    from raytd.sweep.file.spec import SECTIONS

    meanings = told(SECTIONS[section]) | told(kind)
    return [
        {
            "key": f"{section}.{key}",
            "default": field.get_default(call_default_factory=True),
            "meaning": meanings.get(key, ""),
        }
        for key, field in kind.model_fields.items()
    ]


def _list(facts: list[dict[str, Any]]) -> None:
    table = open_table(show_edge=False)
    for heading in ("method", "unit"):
        table.add_column(heading, no_wrap=True)
    for heading, share in (("reads", 2), ("costs", 3)):
        table.add_column(heading, ratio=share, overflow="fold")
    for one in facts:
        reads = ", ".join(one["reads"]) or "–"
        table.add_row(one["name"], one["unit"], reads, one["costs"])
    console = open_console()
    console.print(table)
    console.print("raytd methods NAME says what a method is, and which keys it reads.")


def _show(one: dict[str, Any]) -> None:
    console = open_console()
    console.print(one["summary"], soft_wrap=True)
    console.print()
    closer = "smaller" if one["smaller_is_closer"] else "larger"
    fixed = ", ".join(f"trajectory.{key} = {value}" for key, value in one["fixed"].items())
    for label, text in (
        ("unit", f"{one['unit']}; {closer} is closer"),
        ("reads", ", ".join(one["reads"]) or "no section"),
        ("sets itself", fixed),
        ("networks", ", ".join(one["networks"]) or "none"),
        ("costs", one["costs"]),
        ("columns of its own", ", ".join(one["columns"])),
    ):
        if text:
            console.print(f"{label}: {text}", soft_wrap=True)
    for key in one["keys"]:
        console.print()
        default = json.dumps(key["default"], ensure_ascii=False)
        console.print(f"{key['key']}  [default: {default}]", soft_wrap=True, markup=False)
        console.print(f"    {key['meaning']}", soft_wrap=True, markup=False)

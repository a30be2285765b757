"""`raytd columns` lists what stands in the results, and takes names that nobody misspells."""

import json
from pathlib import Path
from typing import Any

from raytd.methods.registry import COLUMNS, METHODS
from raytd.rows.row import COMMON
from tests.cases import for_each
from tests.cli.commands import run_here


def shown(folder: Path, *names: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run_here(folder, "columns", *names, "--json").stdout)[
        "columns"
    ]
    return found


def test_without_a_name_it_lists_every_column_once_and_whose_it_is(tmp_path: Path) -> None:
    found = shown(tmp_path)
    assert [one["name"] for one in found] == list(COLUMNS)
    assert {one["name"] for one in found if not one["methods"]} == set(COMMON)
    for one in found:
        assert all(one["name"] in METHODS[name].columns for name in one["methods"])


def test_with_names_it_lists_those_alone_in_the_order_asked_for(tmp_path: Path) -> None:
    seed, distance = shown(tmp_path, "seed", "distance")
    assert (seed["name"], seed["type"], seed["unit"], seed["error"]) == (
        "seed",
        "count",
        None,
        None,
    )
    assert distance == {
        "name": "distance",
        "type": "number",
        "unit": "rad",
        "error": "distance_error",
        "meaning": COLUMNS["distance"].meaning,
        "methods": [],
    }
    types = {one["name"]: one["type"] for one in shown(tmp_path, "arrived", "method")}
    assert types == {"arrived": "fact", "method": "text"}


def test_the_table_has_a_dash_for_no_unit_and_names_the_method_whose_column_it_is(
    tmp_path: Path,
) -> None:
    ran = run_here(tmp_path, "columns", "seed", "distance", "gain")
    assert (ran.returncode, ran.stderr) == (0, "")
    heading, _, *lines = [line.rstrip() for line in ran.stdout.splitlines()]
    assert heading.split() == ["column", "type", "unit", "meaning"]
    assert lines[0].split(maxsplit=3) == ["seed", "count", "–", "seed of the run"]
    assert lines[1].split()[:3] == ["distance", "number", "rad"]
    assert " ".join(lines[-1].split()).endswith("(transfer)")


@for_each(
    ("names", "message"),
    [
        (["distanc"], "no column 'distanc'; did you mean 'distance'?\n"),
        (["zzzzqq"], "no column 'zzzzqq'; raytd columns lists them\n"),
        (
            ["sed", "distance", "zzzzqq"],
            "no column 'sed'; did you mean 'seed'?\nno column 'zzzzqq'; raytd columns lists them\n",
        ),
    ],
)
def test_every_unknown_name_is_answered_with_the_nearest_or_where_they_are_listed(
    tmp_path: Path, names: list[str], message: str
) -> None:
    ran = run_here(tmp_path, "columns", *names)
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", message)

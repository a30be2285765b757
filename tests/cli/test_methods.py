"""`raytd methods` lists the methods, and of one every key that it reads, with what it means."""

import json
from pathlib import Path
from typing import Any

from raytd.methods.registry import METHODS
from tests.cases import for_each
from tests.cli.commands import run_here


def shown(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run_here(folder, "methods", name, "--json").stdout)
    return found


def keys_of(folder: Path, name: str) -> dict[str, str]:
    return {key["key"]: key["meaning"] for key in shown(folder, name)["keys"]}


@for_each("name", METHODS)
def test_every_section_that_it_reads_is_there_and_every_key_says_what_it_means(
    tmp_path: Path, name: str
) -> None:
    keys, method = keys_of(tmp_path, name), METHODS[name]
    empty = [] if method.settings.model_fields else [method.section]
    sections = [s for s in shown(tmp_path, name)["reads"] if s not in empty]
    assert list(dict.fromkeys(key.partition(".")[0] for key in keys)) == sections
    assert [key for key, meaning in keys.items() if not meaning] == []


def test_a_key_that_a_method_sets_itself_is_not_there(tmp_path: Path) -> None:
    keys, own = keys_of(tmp_path, "coupled"), keys_of(tmp_path, "mixture")
    assert "trajectory.mixing" in keys
    assert "trajectory.mixing" not in own
    assert "trajectory.lr" in own
    assert "trajectory.lr" in run_here(tmp_path, "methods", "mixture").stdout


def test_without_a_name_it_lists_every_method_with_its_unit_and_what_it_costs(
    tmp_path: Path,
) -> None:
    found = json.loads(run_here(tmp_path, "methods", "--json").stdout)["methods"]
    assert [one["name"] for one in found] == list(METHODS)
    assert found[0].items() <= shown(tmp_path, found[0]["name"]).items()
    ran = run_here(tmp_path, "methods", COLUMNS="200")
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    rows = {words[0]: words[1:] for line in lines if len(words := line.split()) > 1}
    assert rows["method"] == ["unit", "reads", "costs"]
    assert rows["leep"] == ["nats", "pretrain", *METHODS["leep"].costs.split()]
    assert rows["random"] == ["1", "–", "nothing"]
    assert set(METHODS) <= set(rows)
    assert lines[-1] == "raytd methods NAME says what a method is, and which keys it reads."


@for_each(
    ("name", "message"),
    [
        ("cupled", "unknown method 'cupled'; did you mean 'coupled'?\n"),
        ("zzzzqq", f"unknown method 'zzzzqq'; there are {', '.join(METHODS)}\n"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_or_with_all(
    tmp_path: Path, name: str, message: str
) -> None:
    ran = run_here(tmp_path, "methods", name)
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", message)

"""`raytd methods NAME` lists every key that a method reads, with what it means."""

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

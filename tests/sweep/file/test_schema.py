import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from raytd.cli import cli
from raytd.sweep.file.spec import SECTIONS, axis_keys

SWEEPS = Path(__file__).parents[3] / "sweeps"
SCHEMA = json.loads((SWEEPS / "schema.json").read_text(encoding="utf-8"))
SHIPPED = sorted(SWEEPS.glob("*.yaml"))


def mistakes(text: str) -> list[str]:
    content = YAML(typ="safe", pure=True).load(text)
    return [error.message for error in Draft7Validator(SCHEMA).iter_errors(content)]


def test_the_schema_in_the_repository_is_that_of_the_models() -> None:
    printed = CliRunner().invoke(cli, ["schema"], catch_exceptions=False).output
    assert json.loads(printed) == SCHEMA, "run: raytd schema > sweeps/schema.json"


def test_the_schema_is_a_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)


def test_every_reference_resolves() -> None:
    def references(value: Any) -> set[str]:
        if isinstance(value, list):
            return set().union(*map(references, value))
        if not isinstance(value, dict):
            return set()
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))

    names = {reference.removeprefix("#/definitions/") for reference in references(SCHEMA)}
    assert names <= SCHEMA["definitions"].keys()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_sweeps_are_valid_and_name_the_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    assert mistakes(text) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_misspelt_key_in_a_shipped_sweep_is_not(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert mistakes(text.replace("\nname:", "\nnam:"))
    assert mistakes(text.replace("segments:", "segmnets:"))


@pytest.mark.parametrize(
    "text",
    [
        "coupled.lam: 1",
        "grid.coupled.lam: [1, 2]",
        "grid: {coupled: {lam: [1]}, seed: [0]}",
        "grid: {coupled.lam: }",
        "data: ",
        "where: [{when: {model: a, coupled.lam: [1, 2]}, set: {trajectory: {lr: 1}}}]",
        "search: {space: {coupled.epsilon: {loguniform: [0.1, 2]}}, metric: distance, trials: 3}",
        "search.space: {model: {choice: [a, b]}}",
        "tasks: [digits, {name: a, dataset: digits, classes: [1, b], size: [3, 4], channels: 3}]",
        "pairs: {from: [a], to: [b]}",
        "pairs: {from: [a]}",
        "pairs: {to: [a]}",
        "pairs: {from: null, to: [a]}",
        "profiles: {cpu: {grid.model: [a], data.train: 3}}",
        "profiles.cpu: {seed: 1}",
    ],
)
def test_what_a_sweep_may_say_is_valid(text: str) -> None:
    assert mistakes(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "coupled.lamm: 1",
        "coupled: {lam: -1}",
        "coupled: {lam: a}",
        "trajectory: {mixing: betta}",
        "grid: {coupled.lam: 1}",
        "grid: {resources.threads: [1]}",
        "where: [{when: {model: a}}]",
        "where: [{when: {model: a}, set: {trajectory.lrr: 1}}]",
        "search: {space: {coupled.epsilon: {lognormal: [1, 2]}}}",
        "search: {space: {coupled.epsilon: {uniform: [1]}}}",
        "tasks: [{name: a, clases: [1]}]",
        "methods: [coupledd]",
        "pairs: {}",
        "pairs: {from: []}",
        "pairs: {from: null}",
        "profiles: {cpu: {sed: 1}}",
        "profiles: {cpu: {profile: none}}",
    ],
)
def test_what_a_sweep_may_not_say_is_invalid(text: str) -> None:
    assert mistakes(text)


def test_every_key_of_every_section_is_described() -> None:
    told = SCHEMA["definitions"]
    undescribed = [
        f"{section}.{key}"
        for section, model in SECTIONS.items()
        for key in model.model_fields
        if section != "tracking" and "description" not in told[f"{section}.{key}"]
    ]
    assert undescribed == []
    assert set(axis_keys()) <= told.keys()

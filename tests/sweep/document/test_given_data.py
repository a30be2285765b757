"""A sweep that is given as data is the same as its file, and what no file can have is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raytd.errors import RequestError
from raytd.sweep.document.given_data import document_of
from raytd.sweep.file.load import load_sweep

GIVEN: dict[str, Any] = {
    "name": "s",
    "tasks": ("digits-low", {"name": "1_0", "dataset": "digits", "classes": ["0", "1"]}),
    "methods": ["coupled"],
    "weights": Path("nets") / "{source}.pt",
    "grid": {"seed": range(2), "coupled.epsilon": np.array([0.1, 1e-5])},
    "trajectory.steps": np.int64(40),
}


def loaded(asked: Any, **options: Any) -> Any:
    return load_sweep(asked, has_gpu=lambda: False, **options)


def test_data_ask_for_the_same_as_the_file_that_is_kept_of_them(tmp_path: Path) -> None:
    given = loaded(GIVEN)
    file = tmp_path / "sweep.yaml"
    file.write_bytes(given.text)
    assert loaded(file).spec == given.spec
    assert list(given.spec.grid["coupled.epsilon"]) == [0.1, 1e-5]
    assert given.spec.tasks[1].name == "1_0"
    assert given.spec.weights == "nets/{source}.pt"


def test_overrides_and_profiles_count_as_for_a_file() -> None:
    asked = GIVEN | {"profiles": {"quick": {"trajectory.steps": 30}}}
    assert loaded(asked, profile="quick").spec.trajectory.steps == 30
    assert loaded(asked, overrides=["trajectory.steps=20"]).spec.trajectory.steps == 20


def test_all_problems_are_told_at_once_with_their_keys() -> None:
    with pytest.raises(RequestError) as refused:
        loaded(GIVEN | {"methods": ["nothing"], "trajectory.steps": -1})
    places = {problem.split("  ")[0] for problem in refused.value.problems}
    assert places == {"raytd.sweep methods[0]", "raytd.sweep trajectory.steps"}


def test_values_that_no_file_can_have_are_named_with_their_types() -> None:
    with pytest.raises(RequestError) as refused:
        document_of({"grid": {"seed": {1, 2}}, "tasks": [object()]}, "raytd.sweep")
    assert refused.value.problems == [
        "raytd.sweep grid.seed  is of type set; give text, numbers, lists and mappings",
        "raytd.sweep tasks[0]  is of type object; give text, numbers, lists and mappings",
    ]

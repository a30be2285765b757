import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from raytd.tasks.spec import TaskSpec
from tests.cases import for_each

FIELDS = {"name": "some", "dataset": "digits", "classes": ["1", "2"]}


def test_a_list_of_classes_becomes_a_tuple_in_its_order() -> None:
    assert TaskSpec(**FIELDS | {"classes": ["9", "2", "5"]}).classes == ("9", "2", "5")


@settings(deadline=None, max_examples=30)  # numbers, texts and both
@given(classes=st.lists(st.one_of(st.integers(), st.text(min_size=1)), min_size=1))
def test_whole_numbers_are_class_names(classes: list[int | str]) -> None:
    assert TaskSpec(**FIELDS | {"classes": classes}).classes == tuple(map(str, classes))


@for_each(
    ("field", "value"),
    [
        ("classes", []),
        ("classes", "123"),
        ("classes", [True]),
        ("classes", [1.5]),
        ("classes", [None]),
        ("name", ""),
        ("name", "two words"),
        ("name", "../escape"),
        ("name", "-option"),
        ("name", ".hidden"),
        ("name", 7),
        ("dataset", None),
        ("train", 0),
        ("train", -1),
        ("train", 2.0),
        ("train", "5"),
        ("train", True),
        ("val", 0),
        ("classs", ["1"]),
        ("known_as", ""),
        ("known_as", 7),
        ("size", 0),
        ("size", 1025),
        ("size", 8.0),
        ("size", True),
        ("size", "8"),
        ("size", [8]),
        ("size", [8, 0]),
        ("size", [8, 8, 8]),
        ("channels", 2),
        ("channels", True),
        ("channels", "1"),
        ("channels", 1.0),
        ("range", 255),
        ("range", [0]),
        ("range", [0, 1, 2]),
        ("range", [1, 1]),
        ("range", [255, 0]),
        ("range", ["0", "1"]),
        ("range", [0, True]),
        ("range", [0, float("inf")]),
        ("range", [float("nan"), 1]),
        ("range", [0, 1e30]),
        ("background", "grey"),
        ("background", 255),
        ("background", [0, 0]),
        ("background", [0, 0, 256]),
        ("background", [0, 0, 0.5]),
        ("background", [0, 0, True]),
        ("seed", -1),
        ("seed", 2**32),
    ],
)
def test_what_is_no_task_is_refused_at_its_field(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as error:
        TaskSpec(**FIELDS | {field: value})
    assert {problem["loc"][0] for problem in error.value.errors()} == {field}


def test_counts_are_unbounded_unless_given() -> None:
    spec = TaskSpec(**FIELDS)
    assert spec.train is None
    assert spec.val is None


def test_a_size_and_a_range_that_are_left_empty_are_those_of_the_images() -> None:
    spec = TaskSpec(**FIELDS | {"size": None, "range": None})
    assert (spec.size, spec.range) == (None, None)
    assert spec == TaskSpec(**FIELDS)


def test_one_number_is_the_size_of_a_square() -> None:
    assert TaskSpec(**FIELDS, size=16).size == (16, 16)
    assert TaskSpec(**FIELDS, size=[4, 1024]).size == (4, 1024)


@for_each(
    "more",
    [
        {},
        {"train": 5},
        {"size": 3, "channels": 1, "seed": 2, "known_as": "cifar10"},
        {"range": [-1024, 0.5], "background": "black"},
        {"background": [1, 2, 3]},
    ],
)
def test_a_task_is_the_same_after_json_and_keys_that_say_nothing_are_left_out(
    more: dict[str, object],
) -> None:
    spec = TaskSpec(**FIELDS, **more)
    written = spec.model_dump(mode="json")
    assert TaskSpec.model_validate(json.loads(json.dumps(written))) == spec
    assert set(written) == {*FIELDS, "train", "val", *more}


def test_a_task_cannot_be_changed_and_can_be_a_key() -> None:
    spec = TaskSpec(**FIELDS)
    with pytest.raises(ValidationError, match="frozen"):
        spec.name = "other"
    assert {spec: 1}[TaskSpec(**FIELDS)] == 1

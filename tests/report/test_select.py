import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytd.errors import RequestError
from raytd.report.select import chosen_rows
from raytd.sweep.folder.ledger import as_table
from tests.cases import for_each

ROWS = [
    {"model": "cnn8", "seed": 0, "distance": 1.5, "arrived": True, "coupled.lam": 5.0},
    {"model": "wrn-16-4", "seed": 1, "distance": 2.5, "arrived": False, "coupled.lam": None},
    {"model": "WRN", "seed": 2, "distance": None, "arrived": None, "coupled.lam": 20.0},
]
SCHEMA = as_table(ROWS).schema


def seeds(*where: str, sort: str | None = None) -> list[int]:
    return [row["seed"] for row in chosen_rows(ROWS, SCHEMA, where=where, sort=sort)]


@for_each(
    ("condition", "kept"),
    [
        ("model=cnn8", [0]),
        ("model = 'cnn8'", [0]),
        ("model!=cnn8", [1, 2]),
        ("model~wrn", [1, 2]),
        ("distance<2", [0]),
        ("distance<=2.5", [0, 1]),
        ("distance > 1.5", [1]),
        ("distance>=1.5", [0, 1]),
        ("seed=1", [1]),
        ("arrived=yes", [0]),
        ("arrived=false", [1]),
        ("distance=none", [2]),
        ("distance!=none", [0, 1]),
        ("coupled.lam=20", [2]),
    ],
)
def test_a_condition_keeps_the_rows_that_meet_it(condition: str, kept: list[int]) -> None:
    assert seeds(condition) == kept


def test_all_conditions_hold_together() -> None:
    assert seeds("seed>0", "model~16") == [1]


@given(st.floats(0, 4))
def test_smaller_larger_and_missing_are_all_rows(limit: float) -> None:
    parts = [seeds(f"distance{s}{limit!r}") for s in ("<", ">=")] + [seeds("distance=none")]
    assert sorted(sum(parts, [])) == [0, 1, 2]


def test_missing_values_come_last_both_ways() -> None:
    assert seeds(sort="distance") == [0, 1, 2]
    assert seeds(sort="-distance") == [1, 0, 2]


@for_each(
    ("condition", "words"),
    [
        ("model=cnn9", "has the model 'cnn9'; there are cnn8, wrn-16-4, WRN; did you mean 'cnn8'?"),
        ("model!=nonsense", "has the model 'nonsense'; there are cnn8, wrn-16-4, WRN"),
    ],
)
def test_a_text_that_no_row_has_is_refused_with_those_there_are(condition, words) -> None:
    with pytest.raises(RequestError) as raised:
        seeds(condition)
    (told,) = raised.value.problems
    assert told.startswith(f"--where '{condition}': no trial that has ended ")
    assert told.endswith(words)


def test_numbers_states_and_what_is_looked_for_may_find_nothing() -> None:
    for condition in ("seed=9", "status=failed", "model~nonsense", "arrived=false"):
        assert seeds(condition, "seed=0") == []


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(RequestError) as raised:
        seeds("distanc<2", "model<3", "seed=two", "arrived=5", "nothing", sort="bar")
    told = raised.value.problems
    assert len(told) == 6
    assert "no column 'distanc'; did you mean 'distance'?" in told[0]
    assert "holds text" in told[1]
    assert "'two' is none" in told[2]
    assert "true or false" in told[3]
    assert "not a condition" in told[4]
    assert "--sort: no column 'bar'" in told[5]

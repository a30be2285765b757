"""The error of a mean over seeds is that of the seeds that differ in nothing else."""

import math
from typing import Any

import pytest
from numpy.testing import assert_allclose

from raytd.sweep.folder.ledger import as_table
from raytd.sweep.folder.seed_errors import standard_error, with_seed_errors
from raytd.sweep.run.tracking import finals


def row(seed: int, value: float | None, **other: Any) -> dict[str, Any]:
    same = {"status": "done", "method": "coupled", "model": "cnn8", "protocol": "p"}
    return {**same, "source": "a", "target": "b", "seed": seed, "value": value, **other}


def errors(rows: list[dict[str, Any]]) -> list[tuple[int | None, float | None]]:
    return [(r["n_seeds"], r["seeds_error"]) for r in with_seed_errors(rows)]


def test_the_error_of_a_mean_is_the_deviation_over_the_root_of_their_number() -> None:
    found = errors([row(0, 1.0), row(1, 2.0), row(2, 6.0)])
    # mean 3, squares 4 + 1 + 9 = 14, variance 7, over 3
    assert [n for n, _ in found] == [3, 3, 3]
    assert_allclose([e for _, e in found], math.sqrt(7 / 3), rtol=1e-14)


def test_one_seed_has_no_error_from_seeds() -> None:
    assert errors([row(0, 1.0)]) == [(1, None)]
    assert standard_error([1.0]) is standard_error([]) is None


@pytest.mark.parametrize(
    "other",
    [
        {"source": "c"},
        {"target": "c"},
        {"method": "uncoupled"},
        {"model": "wrn-10-1"},
        {"protocol": "q"},
        {"source_digest": "other images"},
        {"coupled.lam": 5.0},
    ],
)
def test_what_differs_in_more_than_the_seed_is_not_averaged(other: dict[str, Any]) -> None:
    assert errors([row(0, 1.0), row(1, 2.0, **other)]) == [(1, None), (1, None)]


def test_an_axis_that_is_not_set_is_none() -> None:
    assert errors([row(0, 1.0), row(1, 2.0, **{"coupled.lam": None})]) == [(2, 0.5), (2, 0.5)]


def test_two_results_of_one_seed_differ_in_something_that_is_not_known() -> None:
    assert errors([row(0, 1.0), row(0, 2.0), row(1, 2.0)]) == [(2, None)] * 3


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_a_trial_without_a_number_does_not_count(value: float | None) -> None:
    assert errors([row(0, 1.0), row(1, value)]) == [(1, None), (None, None)]
    assert errors([row(0, 1.0), row(1, 3.0, status="failed")])[1] == (None, None)


def test_adding_them_twice_changes_nothing() -> None:
    once = with_seed_errors([row(0, 1.0), row(1, 2.0)])
    assert with_seed_errors(once) == once


def test_a_table_of_old_rows_has_the_columns() -> None:
    table = as_table(with_seed_errors([row(0, 1.0), row(1, 3.0)]))
    assert table.column("seeds_error").to_pylist() == [1.0, 1.0]
    assert table.column("distance_error").to_pylist() == [None, None]


def test_the_tracker_gets_what_belongs_to_the_trial_alone() -> None:
    (known,) = with_seed_errors([row(0, 1.0, distance_error=0.25)])
    assert finals(known) == {"value": 1.0, "distance_error": 0.25}

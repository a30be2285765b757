import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from raytd.errors import InputError
from raytd.report import distance_matrices
from tests.cases import for_each


def test_sources_are_rows_and_targets_are_columns(row):
    (matrix,) = distance_matrices([row("a", "b", 1.0), row("b", "a", 2.0)])
    assert matrix.sources == matrix.targets == ("a", "b")
    assert_array_equal(matrix.values, [[math.nan, 1.0], [2.0, math.nan]])


def test_tasks_stand_as_they_first_appear_or_as_given(row):
    rows = [row("c", "a"), row("a", "c"), row("b", "c")]
    assert distance_matrices(rows)[0].sources == ("c", "a", "b")
    assert distance_matrices(rows)[0].targets == ("c", "a")
    assert distance_matrices(rows, tasks=["a", "b", "c"])[0].sources == ("a", "b", "c")


def test_given_tasks_choose_what_is_shown(row):
    (matrix,) = distance_matrices([row("a", "b", 1.0), row("c", "b", 2.0)], tasks=["b", "c"])
    assert matrix.sources == ("c",)
    assert_array_equal(matrix.values, [[2.0]])


@for_each("axis", ["method", "model", "protocol"])
def test_methods_models_and_protocols_are_never_mixed(row, axis):
    rows = [row("a", "b", 1.0, **{axis: "x"}), row("a", "b", 3.0, **{axis: "y"})]
    matrices = distance_matrices(rows)
    assert [m.fixed[axis] for m in matrices] == ["x", "y"]
    assert [m.values.item() for m in matrices] == [1.0, 3.0]


def test_a_further_axis_is_not_mixed_when_it_is_named(row):
    rows = [row("a", "b", 1.0, **{"coupled.lam": 5}), row("a", "b", 3.0, **{"coupled.lam": 20})]
    matrices = distance_matrices(rows, axes=["coupled.lam"])
    assert [m.title for m in matrices] == [
        "coupled, cnn8, coupled.lam 5",
        "coupled, cnn8, coupled.lam 20",
    ]


def test_an_axis_that_is_not_named_is_an_error_and_no_silent_mean(row):
    rows = [row("a", "b", 1.0, **{"coupled.lam": 5}), row("a", "b", 3.0, **{"coupled.lam": 20})]
    with pytest.raises(
        InputError, match="source a, target b, seed 0, method coupled; name the axis"
    ):
        distance_matrices(rows)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=6))
def test_seeds_are_averaged_with_their_sample_deviation(numbers):
    rows = [
        {"method": "m", "source": "a", "target": "b", "seed": seed, "value": value}
        for seed, value in enumerate(numbers)
    ]
    (matrix,) = distance_matrices(rows)
    mean = sum(numbers) / len(numbers)
    variance = sum((x - mean) ** 2 for x in numbers) / (len(numbers) - 1)
    assert matrix.n_seeds.item() == len(numbers)
    # rounding of a sum of six numbers up to 1e3
    assert_allclose(matrix.values.item(), mean, rtol=0, atol=1e-11)
    assert_allclose(matrix.spread.item(), math.sqrt(variance), rtol=1e-6, atol=1e-11)


def test_one_seed_has_no_spread_and_no_error_unless_it_states_one(row):
    (matrix,) = distance_matrices([row("a", "b", 1.5)])
    assert math.isnan(matrix.spread.item())
    assert math.isnan(matrix.errors.item())
    assert matrix.seeds == "1 seed"


def test_seeds_are_counted_per_cell(row):
    rows = [row("a", "b", seed=0), row("a", "b", seed=1), row("b", "a", seed=0)]
    (matrix,) = distance_matrices(rows)
    assert_array_equal(matrix.n_seeds, [[0, 2], [1, 0]])
    assert matrix.seeds == "1 to 2 seeds"


@for_each(
    "nothing",
    [
        {"value": None},
        {"value": math.nan},
        {"status": "failed", "value": None, "protocol": None, "unit": None},
        {"status": "failed", "value": 7.0},
    ],
)
def test_a_trial_without_result_leaves_a_hole_and_keeps_its_task(row, nothing):
    (matrix,) = distance_matrices([row("a", "b", 1.0), row("c", "b", **nothing)])
    assert matrix.sources == ("a", "c")
    assert_array_equal(matrix.values, [[1.0], [math.nan]])
    assert_array_equal(matrix.n_seeds, [[1], [0]])


def test_no_results_give_no_matrix(row):
    assert distance_matrices([]) == []
    assert distance_matrices([row("a", "b", None, status="failed")]) == []


def test_the_unit_belongs_to_lengths_alone(row):
    rows = [row("a", "b")]
    assert distance_matrices(rows)[0].label == "distance (rad)"
    assert distance_matrices(rows, "fisher_rao_length")[0].label == "Fisher-Rao length (rad)"
    assert distance_matrices(rows, "noise_share")[0].label == "noise share"


def test_another_column_can_be_shown(row):
    (matrix,) = distance_matrices([row("a", "b", noise_share=0.25)], "noise_share")
    assert matrix.values.item() == 0.25


def test_the_error_of_several_seeds_is_from_their_scatter_and_of_one_what_it_states(row):
    rows = [row("a", "b", v, seed=s, distance_error=0.5) for s, v in enumerate((1.0, 2.0, 6.0))]
    (matrix,) = distance_matrices([*rows, row("b", "a", 1.0, distance_error=0.5)])
    assert_allclose(matrix.errors, [[math.nan, math.sqrt(7 / 3)], [0.5, math.nan]], rtol=1e-14)


@for_each(
    ("value", "error"),
    [("value", 0.5), ("noise_free_length", 0.25), ("fisher_rao_length", math.nan)],
)
def test_a_number_never_has_the_error_of_another(row, value, error):
    stated = {"distance_error": 0.5, "noise_free_error": 0.25}
    (matrix,) = distance_matrices([row("a", "b", **stated)], value)
    assert_allclose(matrix.errors.item(), error)


def test_the_seeds_of_a_matrix_are_told_as_one_number_or_as_a_range(row):
    once, twice = [row("a", "b")], [row("b", "a", seed=seed) for seed in (0, 1)]
    assert [distance_matrices(rows)[0].seeds for rows in (once, twice, once + twice)] == [
        *("1 seed", "2 seeds", "1 to 2 seeds")
    ]
    there = [*once, row("a", "c", method="uncoupled")]
    hidden = distance_matrices(there, tasks=["a", "c"])
    assert {matrix.method: matrix.seeds for matrix in hidden} == {
        "coupled": "no results",
        "uncoupled": "1 seed",
    }

"""What counts as one number, and that nothing else does."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from raytd.report.statistics.ties import alike, levelled, lowest, named, order, sorted_by
from tests.cases import for_each

CEILING = [4 + k * 2e-16 * 4 for k in range(10)]
"""An H-score at its ceiling, as ten sums in another order leave it."""

numbers = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))


def test_ten_values_that_differ_by_rounding_are_one() -> None:
    assert len(set(CEILING)) > 1
    assert set(levelled(CEILING)) == {4.0}
    assert alike(CEILING)


@for_each(
    ("a", "b", "wanted"),
    [
        (0.1 + 0.2, 0.3, 0),
        (3e-17, -2e-17, 0),
        (1e12, 1e12 + 1, 0),
        (1.0, 1.0 + 1e-8, -1),
        (1e-6, 1.001e-6, -1),
        (2.0, -2.0, 1),
    ],
)
def test_a_tie_is_a_matter_of_the_size_of_the_numbers(a: float, b: float, wanted: int) -> None:
    assert (order(a, b), order(b, a)) == (wanted, -wanted)


def test_one_huge_number_does_not_make_the_others_alike() -> None:
    np.testing.assert_array_equal(levelled([1.0, 2.0, 3.0, 1e13]), [1.0, 2.0, 3.0, 1e13])


def test_a_long_row_of_small_steps_is_not_drawn_together() -> None:
    steps = [1 + k * 0.9e-9 for k in range(100)]
    found = levelled(steps)
    assert 40 < len(set(found)) < 100
    assert max(np.abs(found - steps)) <= 1.1e-9


def test_the_shape_and_missing_numbers_stay() -> None:
    found = levelled([[np.nan, 0.3], [0.1 + 0.2, 5.0]])
    np.testing.assert_array_equal(found, [[np.nan, 0.3], [0.3, 5.0]])
    assert levelled([]).size == 0


@given(st.lists(numbers, min_size=1), st.integers(0, 99))
def test_rounding_of_any_numbers_leaves_their_ranks(values: list[float], seed: int) -> None:
    noise = 1 + 1e-15 * np.random.default_rng(seed).normal(size=len(values))
    np.testing.assert_array_equal(rankdata(levelled(np.array(values) * noise)), rankdata(values))


@given(st.lists(numbers))
def test_levelled_numbers_stay_as_they_are(values: list[float]) -> None:
    once = levelled(values)
    np.testing.assert_array_equal(levelled(once), once)


def test_what_ties_shares_a_rank_in_its_own_order_and_nan_is_last() -> None:
    values = {"z": 0.3, "n": math.nan, "a": 0.1 + 0.2, "b": 0.1}
    found = sorted_by(values, key=lambda name: values[name])
    assert found == [(1, "b"), (2, "z"), (2, "a"), (4, "n")]
    assert lowest(["z", "a"], key=lambda name: values[name]) == ["z", "a"]
    assert named(["z", "a"]) == "z and 1 more that tie"
    assert named(["z"]) == "z"


@for_each("values", [[], [1.0], [np.nan, 2.0]])
def test_fewer_than_two_numbers_are_alike(values: list[float]) -> None:
    assert alike(values)

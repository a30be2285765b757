import itertools
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from raytd.report.statistics.intervals import (
    geometric_mean,
    ratio_interval,
    share_interval,
    signed_rank,
    t_interval,
)
from tests.cases import for_each

TIGHT = 1e-9  # both sides are closed forms in float64


def test_the_t_interval_is_that_of_a_one_sample_t_test() -> None:
    values = [0.3, -0.1, 0.7, 0.2]
    found, wanted = t_interval(values), stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found is not None
    assert_allclose([found.low, found.high], [wanted.low, wanted.high], rtol=TIGHT)


def test_two_values_have_the_interval_of_the_cauchy_distribution() -> None:
    found = t_interval([1.0, 3.0])
    assert found is not None
    # t with one degree of freedom is Cauchy: its quantile is tan(π (p − ½)); s / √n = 1
    half = math.tan(math.pi * 0.475)
    assert_allclose([found.low, found.high], [2 - half, 2 + half], rtol=TIGHT)


def test_one_value_has_no_interval() -> None:
    assert t_interval([1.0]) is None
    assert ratio_interval([1.0]) is None
    assert share_interval(0, 0) is None


@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=6))
def test_the_interval_of_inverse_ratios_is_the_inverse(ratios: list[float]) -> None:
    there, back = ratio_interval(ratios), ratio_interval([1 / r for r in ratios])
    assert there is not None
    assert back is not None
    # rounding of logarithms, multiplied by t(1) = 12.7 and exponentiated
    assert_allclose(math.log(there.low), -math.log(back.high), rtol=1e-9, atol=1e-9)
    assert_allclose(geometric_mean(ratios), stats.gmean(ratios), rtol=1e-9)


@for_each("ratios", [[1.0, 0.0], [1.0, -2.0], [1.0, math.nan]])
def test_ratios_that_are_not_positive_have_neither_mean_nor_interval(ratios: list[float]) -> None:
    assert ratio_interval(ratios) is None
    assert math.isnan(geometric_mean(ratios))


def test_the_share_of_all_has_the_exact_lower_end() -> None:
    found = share_interval(6, 6)
    assert found is not None
    assert_allclose(found.low, 0.025 ** (1 / 6), rtol=TIGHT)  # p^6 = 0.025
    assert found.high == 1.0


@for_each(("hits", "n"), [(0, 5), (3, 12), (7, 9)])
def test_the_ends_of_a_share_leave_a_fortieth_on_either_side(hits: int, n: int) -> None:
    found = share_interval(hits, n)
    assert found is not None
    assert_allclose(stats.binom.cdf(hits, n, found.high), 0.025, rtol=1e-6)  # a root, not a form
    if hits:
        assert_allclose(stats.binom.sf(hits - 1, n, found.low), 0.025, rtol=1e-6)


def exact_p(differences: list[float]) -> float:
    """Every choice of signs, counted: how many have as small a sum of ranks on one side."""
    ranks = stats.rankdata(np.abs(differences))
    sums = [
        min(sum(r for r, s in zip(ranks, signs, strict=True) if s), 0)
        or sum(r for r, s in zip(ranks, signs, strict=True) if s)
        for signs in itertools.product((False, True), repeat=len(ranks))
    ]
    above = sum(r for r, d in zip(ranks, differences, strict=True) if d > 0)
    least = min(np.mean([s <= above for s in sums]), np.mean([s >= above for s in sums]))
    return float(min(1.0, 2 * least))


@for_each(
    "differences",
    [[-1.0, -2.0, -3.0, 0.5, -4.0], [1.0, 1.0, -2.0, 3.0, 3.0, 3.0], [0.5, -0.5, 1.0, 2.0]],
)
def test_the_p_value_counts_every_choice_of_signs(differences: list[float]) -> None:
    found = signed_rank(differences)
    assert found is not None
    assert found.exact
    assert_allclose(found.p_value, exact_p(differences), rtol=TIGHT)


def test_n_differences_of_one_sign_give_the_least_p_there_is() -> None:
    for n in (1, 2, 6, 9):
        found = signed_rank([0.1 * (i + 1) for i in range(n)])
        assert found is not None
        assert found.p_value == found.least_p == min(1.0, 2 / 2**n)


def test_zeros_are_left_out_and_nothing_else_is_no_test() -> None:
    found, without = signed_rank([0.0, 1.0, -2.0, 4.0]), signed_rank([1.0, -2.0, 4.0])
    assert found == without
    assert signed_rank([0.0, 0.0]) is None
    assert signed_rank([]) is None


def test_many_differences_use_the_normal_limit_and_say_so() -> None:
    found = signed_rank([(-1) ** i * (i + 1.0) for i in range(60)])
    assert found is not None
    assert not found.exact


def test_differences_within_rounding_of_zero_and_of_one_another_are_ties() -> None:
    exact = [0.0, 0.1, 0.3, -0.2, 0.3, 0.1]
    rounded = [1e-16, 0.4 - 0.3, 0.1 + 0.2, 0.7 - 0.9, 0.3, 0.1]
    assert rounded != exact
    assert signed_rank(rounded) == signed_rank(exact)
    assert signed_rank([1e-16, -3e-17]) is None


def test_the_interval_of_values_that_tie_has_no_width() -> None:
    found = t_interval([0.3, 0.1 + 0.2, 0.3])
    assert found is not None
    assert found.low == found.high == 0.3

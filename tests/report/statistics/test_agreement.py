"""Rank correlations against scipy, and the choice of sources worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kendalltau, spearmanr, weightedtau

from raytd.report.statistics.agreement import rank_agreement, source_choice
from raytd.report.statistics.ties import alike
from tests.cases import for_each

CLOSENESS = np.array([[9, 3, 1], [2, 9, 4], [5, 1, 9]], dtype=float)
TRUTH = np.array([[0, 0.7, 0.5], [0.6, 0, 0.8], [0.9, 0.9, 0]])


def test_entries_off_the_diagonal_are_what_scipy_correlates() -> None:
    cells = [(i, j) for i in range(3) for j in range(3) if i != j]
    x, y = ([m[cell] for cell in cells] for m in (CLOSENESS, TRUTH))
    found = rank_agreement(CLOSENESS, TRUTH)
    assert found.n_pairs == 6
    np.testing.assert_allclose(
        [found.spearman, found.kendall, found.weighted_kendall],
        [spearmanr(x, y).statistic, kendalltau(x, y).statistic, weightedtau(x, y).statistic],
        rtol=1e-12,  # the same call on the same numbers
    )


def test_a_missing_pair_is_left_out_of_both() -> None:
    holed = CLOSENESS.copy()
    holed[0, 1] = np.nan
    found = rank_agreement(holed, TRUTH)
    assert found.n_pairs == 5
    rest = [(0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    expected = spearmanr([CLOSENESS[c] for c in rest], [TRUTH[c] for c in rest]).statistic
    np.testing.assert_allclose(found.spearman, expected, rtol=1e-12)


def test_what_is_all_alike_correlates_with_nothing() -> None:
    found = rank_agreement(np.ones((4, 4)), np.arange(16.0).reshape(4, 4))
    assert all(map(math.isnan, (found.spearman, found.kendall, found.weighted_kendall)))
    assert found.no_evidence == "its numbers for all 12 pairs are equal, but for rounding"


def noisy(matrix: np.ndarray, seed: int = 0) -> np.ndarray:
    return matrix * (1 + 1e-15 * np.random.default_rng(seed).normal(size=matrix.shape))


def test_ties_within_rounding_are_ties_for_scipy() -> None:
    x, y = (np.random.default_rng(s).integers(1, 4, (6, 6)) / 10 for s in (1, 2))
    cells = ~np.eye(6, dtype=bool)
    found = rank_agreement(noisy(x), noisy(y))
    np.testing.assert_allclose(
        [found.spearman, found.kendall],
        [spearmanr(x[cells], y[cells]).statistic, kendalltau(x[cells], y[cells]).statistic],
        rtol=1e-12,  # the same call on the same ranks
    )
    assert source_choice(noisy(x), noisy(y)).share_best == source_choice(x, y).share_best


def test_a_target_whose_sources_are_worth_the_same_is_no_target_to_choose_for() -> None:
    truth = TRUTH.copy()
    truth[:, 0] = noisy(np.full(3, 0.4))
    found = source_choice(CLOSENESS, truth)
    assert found.n_targets == 2
    assert found.share_best == pytest.approx(1 / 2)
    nothing = source_choice(CLOSENESS, np.full((3, 3), 0.4))
    assert (nothing.n_targets, math.isnan(nothing.regret)) == (0, True)


@for_each(
    ("kept", "words"),
    [
        ([], "no pairs with a number on both sides, and 3 are the fewest"),
        ([(0, 1)], "1 pair with a number on both sides"),
        ([(0, 1), (1, 0)], "2 pairs with a number on both sides"),
        ([(0, 1), (2, 1), (3, 1)], "3 pairs with one target, and 2 targets are the fewest"),
    ],
)
def test_too_little_to_rank_is_no_evidence_with_its_reason(
    kept: list[tuple[int, int]], words: str
) -> None:
    closeness, truth = np.full((4, 4), np.nan), np.arange(16.0).reshape(4, 4)
    for cell in kept:
        closeness[cell] = truth[cell]
    found = rank_agreement(closeness, truth)
    assert math.isnan(found.spearman)
    assert str(found.no_evidence).startswith(words)


def test_the_choice_of_sources_by_hand() -> None:
    found = source_choice(CLOSENESS, TRUTH)
    # target 0: 2 is nearest and best; target 1: 0 is called nearest, 2 is best; target 2: 1 and 1
    assert found.n_targets == 3
    assert found.share_best == pytest.approx(2 / 3)
    assert found.regret == pytest.approx((0 + (0.9 - 0.7) + 0) / 3)
    assert found.share_best_by_chance == pytest.approx(1 / 2)
    assert found.regret_by_chance == pytest.approx((0.15 + 0.1 + 0.15) / 3)
    assert math.isnan(found.mean_spearman)  # two sources have no ranking worth a correlation


def test_the_ranking_of_three_sources_is_correlated_target_by_target() -> None:
    closeness = np.array([[0, 1, 3, 1], [3, 0, 2, 2], [2, 2, 0, 3], [1, 3, 1, 0]], dtype=float)
    truth = np.array([[0, 1, 3, 3], [3, 0, 2, 2], [2, 2, 0, 1], [1, 3, 1, 0]], dtype=float)
    assert source_choice(closeness, truth).mean_spearman == pytest.approx((1 + 1 + 1 - 1) / 4)


def test_a_tie_for_the_nearest_is_a_blind_choice_among_those() -> None:
    closeness = np.array([[0, 1, 1], [5, 0, 1], [5, 1, 0]], dtype=float)
    truth = np.array([[0, 1, 1], [0.2, 0, 0], [0.6, 0, 0]])
    found = source_choice(closeness[:, :1] @ np.ones((1, 3)), truth)
    assert found.regret == pytest.approx((0.2 + 1 + 1) / 3)
    assert found.share_best == pytest.approx((0.5 + 0 + 0) / 3)


@given(arrays(float, (5, 5), elements=st.floats(-1e3, 1e3)))
def test_the_truth_itself_is_never_regretted(truth: np.ndarray) -> None:
    found = source_choice(truth, truth)
    off = ~np.eye(5, dtype=bool)
    told_apart = sum(not alike(truth[off[:, t], t]) for t in range(5))
    assert found.n_targets == told_apart
    assert (found.regret, found.share_best) == (0, 1) or not told_apart


@given(arrays(float, (4, 4), elements=st.integers(-50, 50).map(float)), st.integers(0, 99))
def test_only_ranks_matter(closeness: np.ndarray, seed: int) -> None:
    truth = np.random.default_rng(seed).normal(size=(4, 4))
    here, there = (rank_agreement(c, truth) for c in (closeness, np.exp(closeness / 10)))
    np.testing.assert_allclose(here.spearman, there.spearman, atol=1e-12)
    np.testing.assert_allclose(here.kendall, there.kendall, atol=1e-12)

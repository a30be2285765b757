"""How far a handful of numbers can be trusted: intervals and a paired test."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raytd.report.statistics.ties import levelled, order

LEVEL = 0.95
"""Confidence of every interval."""

_MOST_EXACT = 50
_MOST_EXACT_WITH_TIES = 13


@dataclass(frozen=True)
class Interval:
    """A range that holds the true value with the confidence `LEVEL`."""

    low: float
    high: float


@dataclass(frozen=True)
class SignedRank:
    """Wilcoxon's signed-rank test of paired differences, two-sided.

    Attributes:
        statistic: the smaller of the sums of ranks above and below zero.
        p_value: how often signs that mean nothing give a statistic as small.
        n: differences that are not zero.
        exact: whether the p-value is from the distribution itself, not from its normal limit.
    """

    statistic: float
    p_value: float
    n: int
    exact: bool

    @property
    def least_p(self) -> float:
        """The smallest p-value that n differences can give: all of one sign."""
        return min(1.0, 2.0 ** (1 - self.n))


def t_interval(values: Sequence[float]) -> Interval | None:
    """Student's interval for the mean of independent values: mean ± t(n − 1) s / √n.

    One value has none. Values that tie count as equal.
    """
    from scipy.stats import t

    if len(values) < 2:
        return None
    array = levelled(values)
    half = float(t.ppf((1 + LEVEL) / 2, array.size - 1) * array.std(ddof=1) / math.sqrt(array.size))
    mean = float(array.mean())
    return Interval(mean - half, mean + half)


def ratio_interval(ratios: Sequence[float]) -> Interval | None:
    """The interval for the geometric mean of positive ratios: Student's, of their logarithms."""
    if any(not ratio > 0 for ratio in ratios):
        return None
    inner = t_interval([math.log(ratio) for ratio in ratios])
    return None if inner is None else Interval(math.exp(inner.low), math.exp(inner.high))


def geometric_mean(ratios: Sequence[float]) -> float:
    """The geometric mean; NaN where a ratio is not positive, or there is none."""
    if not ratios or any(not ratio > 0 for ratio in ratios):
        return math.nan
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def share_interval(n_hits: int, n: int) -> Interval | None:
    """Clopper and Pearson's interval for a share, exact for independent draws; None for none."""
    from scipy.stats import binomtest

    if n == 0:
        return None
    found = binomtest(n_hits, n).proportion_ci(LEVEL, method="exact")
    return Interval(float(found.low), float(found.high))


def signed_rank(differences: Sequence[float]) -> SignedRank | None:
    """Wilcoxon's test that differences are as often and as far above zero as below.

    Zeros are left out, as Wilcoxon does, and sizes that tie share a rank. Exact up to 50
    differences, with ties up to 13.

    Returns:
        None where every difference is zero, or there is none.
    """
    from scipy.stats import PermutationMethod, wilcoxon

    signs = [order(difference, 0.0) for difference in differences]
    kept = np.array(signs) * levelled(np.abs(differences))
    kept = kept[kept != 0]
    if not kept.size:
        return None
    ties = np.unique(np.abs(kept)).size < kept.size
    exact = kept.size <= (_MOST_EXACT_WITH_TIES if ties else _MOST_EXACT)
    if exact and ties:
        every_choice_of_signs = PermutationMethod(n_resamples=2**kept.size)
        found = wilcoxon(kept, method=every_choice_of_signs)
    else:
        found = wilcoxon(kept, method="exact" if exact else "approx")
    return SignedRank(float(found.statistic), float(found.pvalue), int(kept.size), exact)

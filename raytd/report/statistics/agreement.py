"""How far one matrix of closeness agrees with another about who is near to whom.

Numbers that tie (`raytd.report.statistics.ties`) count as equal on either side.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import kendalltau, spearmanr, weightedtau

from raytd.report.statistics.ties import alike, levelled
from raytd.words import counted

Floats = npt.NDArray[np.float64]

FEWEST_PAIRS = 3
"""With two pairs every rank correlation is 1 or −1."""

FEWEST_TARGETS = 2
"""A method that is judged on one target may be right there alone."""


@dataclass(frozen=True)
class RankAgreement:
    """Rank correlations over all pairs of different tasks that both have.

    Attributes:
        spearman: of ranks; like the others NaN where there is no evidence.
        kendall: tau-b.
        weighted_kendall: with hyperbolic weights, so that the nearest pairs count most.
        n_pairs: pairs that both have.
        no_evidence: why these pairs say nothing of an agreement, in words; None where they do.
    """

    spearman: float
    kendall: float
    weighted_kendall: float
    n_pairs: int
    no_evidence: str | None = None


@dataclass(frozen=True)
class SourceChoice:
    """What it is worth to choose for each target the source that is called nearest.

    Attributes:
        mean_spearman: of the ranking of sources, mean over targets with three sources or more.
        share_best: share of targets whose best source is chosen.
        share_best_by_chance: what a blind choice finds.
        regret: what the chosen source falls short of the best one, mean over targets, in the unit
            of the truth.
        regret_by_chance: the same of a blind choice.
        n_targets: targets with two sources or more that the truth tells apart.
        n_ranked: targets with three or more, which both tell apart: those of `mean_spearman`.
    """

    mean_spearman: float
    share_best: float
    share_best_by_chance: float
    regret: float
    regret_by_chance: float
    n_targets: int
    n_ranked: int


NO_CHOICE = SourceChoice(math.nan, math.nan, math.nan, math.nan, math.nan, 0, 0)
"""What is known where no target has two sources that the truth tells apart."""


def rank_agreement(closeness: Floats, truth: Floats) -> RankAgreement:
    """Correlates two matrices entry by entry, the diagonal left out.

    Args:
        closeness: (sources, targets), over the same tasks on both axes; larger is closer; NaN where
            there is none.
        truth: likewise.
    """
    both = _comparable(closeness, truth)
    x, y = levelled(closeness[both]), levelled(truth[both])
    if (reason := _no_evidence(x, y, n_targets=int(both.any(axis=0).sum()))) is not None:
        return RankAgreement(math.nan, math.nan, math.nan, len(x), reason)
    return RankAgreement(
        spearman=_spearman(x, y),
        kendall=float(kendalltau(x, y).statistic),
        weighted_kendall=float(weightedtau(x, y).statistic),
        n_pairs=len(x),
    )


def spearman_over(closeness: Floats, truth: Floats) -> float:
    """That of `rank_agreement` alone; NaN where there is no evidence."""
    both = _comparable(closeness, truth)
    x, y = levelled(closeness[both]), levelled(truth[both])
    n_targets = int(both.any(axis=0).sum())
    return math.nan if _no_evidence(x, y, n_targets=n_targets) is not None else _spearman(x, y)


def source_choice(closeness: Floats, truth: Floats) -> SourceChoice:
    """Ranks the sources of each target; arguments as in `rank_agreement`.

    Of several sources that are called equally near, the choice is blind. A target whose sources
    are all worth the same is left out: whatever is chosen is best.
    """
    both = _comparable(closeness, truth)
    columns = [
        (levelled(closeness[b, t]), levelled(truth[b, t]))
        for t, b in enumerate(both.T)
        if not alike(truth[b, t])
    ]
    correlations = [_spearman(x, y) for x, y in columns if len(x) > 2 and not alike(x)]
    chosen = [y[x == x.max()] for x, y in columns]
    return SourceChoice(
        mean_spearman=_mean(correlations),
        share_best=_mean(
            [float(np.mean(c == y.max())) for c, (_, y) in zip(chosen, columns, strict=True)]
        ),
        share_best_by_chance=_mean([float(np.mean(y == y.max())) for _, y in columns]),
        regret=_mean(
            [float(np.mean(y.max() - c)) for c, (_, y) in zip(chosen, columns, strict=True)]
        ),
        regret_by_chance=_mean([float(np.mean(y.max() - y)) for _, y in columns]),
        n_targets=len(columns),
        n_ranked=len(correlations),
    )


def _comparable(closeness: Floats, truth: Floats) -> npt.NDArray[np.bool_]:
    """Entries off the diagonal that both have."""
    off = ~np.eye(*closeness.shape, dtype=np.bool_)
    found: npt.NDArray[np.bool_] = off & np.isfinite(closeness) & np.isfinite(truth)
    return found


def _no_evidence(x: Floats, y: Floats, *, n_targets: int) -> str | None:
    """Why the ranks of these pairs cannot be correlated, or would say nothing if they were."""
    if len(x) < FEWEST_PAIRS:
        there = counted(len(x), "pair") if len(x) else "no pairs"
        return f"{there} with a number on both sides, and {FEWEST_PAIRS} are the fewest"
    if n_targets < FEWEST_TARGETS:
        return f"{len(x)} pairs with one target, and {FEWEST_TARGETS} targets are the fewest"
    if alike(x):
        return f"its numbers for all {len(x)} pairs are equal, but for rounding"
    if alike(y):
        return f"the truth's numbers for all {len(x)} pairs are equal, but for rounding"
    return None


def _spearman(x: Floats, y: Floats) -> float:
    return float(np.asarray(spearmanr(x, y).statistic))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan

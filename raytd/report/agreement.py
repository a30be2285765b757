"""How far one matrix of closeness agrees with another about who is near to whom."""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import ConstantInputWarning, kendalltau, spearmanr, weightedtau

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RankAgreement:
    """Rank correlations over all pairs of different tasks that both have; NaN where undefined.

    Attributes:
        spearman: of ranks.
        kendall: tau-b.
        weighted_kendall: with hyperbolic weights, so that the nearest pairs count most.
        n_pairs: pairs that both have.
    """

    spearman: float
    kendall: float
    weighted_kendall: float
    n_pairs: int


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
        n_targets: targets with two sources or more.
    """

    mean_spearman: float
    share_best: float
    share_best_by_chance: float
    regret: float
    regret_by_chance: float
    n_targets: int


def rank_agreement(closeness: Floats, truth: Floats) -> RankAgreement:
    """Correlates two matrices entry by entry, the diagonal left out.

    Args:
        closeness: (sources, targets), over the same tasks on both axes; larger is closer; NaN where
            there is none.
        truth: likewise.
    """
    both = _comparable(closeness, truth)
    x, y = closeness[both], truth[both]
    return RankAgreement(
        spearman=_spearman(x, y),
        kendall=_kendall(x, y),
        weighted_kendall=_weighted(x, y),
        n_pairs=len(x),
    )


def source_choice(closeness: Floats, truth: Floats) -> SourceChoice:
    """Ranks the sources of each target; arguments as in `rank_agreement`.

    Of several sources that are called equally near, the choice is blind.
    """
    both = _comparable(closeness, truth)
    columns = [(closeness[b, t], truth[b, t]) for t, b in enumerate(both.T) if b.sum() > 1]
    correlations = [_spearman(x, y) for x, y in columns if len(x) > 2]
    chosen = [y[x == x.max()] for x, y in columns]
    return SourceChoice(
        mean_spearman=_mean([c for c in correlations if not np.isnan(c)]),
        share_best=_mean(
            [float(np.mean(c == y.max())) for c, (_, y) in zip(chosen, columns, strict=True)]
        ),
        share_best_by_chance=_mean([float(np.mean(y == y.max())) for _, y in columns]),
        regret=_mean(
            [float(np.mean(y.max() - c)) for c, (_, y) in zip(chosen, columns, strict=True)]
        ),
        regret_by_chance=_mean([float(np.mean(y.max() - y)) for _, y in columns]),
        n_targets=len(columns),
    )


def _comparable(closeness: Floats, truth: Floats) -> npt.NDArray[np.bool_]:
    """Entries off the diagonal that both have."""
    off = ~np.eye(*closeness.shape, dtype=np.bool_)
    found: npt.NDArray[np.bool_] = off & np.isfinite(closeness) & np.isfinite(truth)
    return found


def _spearman(x: Floats, y: Floats) -> float:
    if len(x) < 2:
        return float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantInputWarning)
        return float(np.asarray(spearmanr(x, y).statistic))


def _kendall(x: Floats, y: Floats) -> float:
    return float(kendalltau(x, y).statistic) if len(x) > 1 else float("nan")


def _weighted(x: Floats, y: Floats) -> float:
    """NaN where one side is all alike: scipy's own answer then depends on the order."""
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(weightedtau(x, y).statistic)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else float("nan")

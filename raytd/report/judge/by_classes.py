"""An agreement where no classes are shared, and against that of counting shared classes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raytd.report.judge.contestants import Contestant
from raytd.report.judge.reliability import Reliability, by_seeds
from raytd.report.judge.resampling import Draw, Interval, interval
from raytd.report.shared_classes import DISJOINT, METHOD
from raytd.report.statistics.agreement import (
    RankAgreement,
    SourceChoice,
    rank_agreement,
    source_choice,
    spearman_over,
)
from raytd.report.statistics.ties import order

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Disjoint:
    """A contestant on the pairs whose classes are disjoint alone.

    Attributes:
        ranks: rank correlations over these pairs.
        spearman_interval: of Spearman's correlation over resampled seeds; None as for all pairs.
        choice: of sources among those that share no class with the target.
        truth_reliability: of the truth over these pairs; None where it has one seed.
    """

    ranks: RankAgreement
    spearman_interval: Interval | None
    choice: SourceChoice
    truth_reliability: Reliability | None


@dataclass(frozen=True)
class Lead:
    """How far a contestant agrees better than counting shared classes, over the same pairs.

    Attributes:
        of_counting: Spearman's correlation of counting shared classes with the truth.
        value: what the contestant's is larger by.
        interval: of that over resampled seeds; None where either side has one seed.
    """

    of_counting: float
    value: float
    interval: Interval | None

    @property
    def is_ahead(self) -> bool:
        """Whether all of the interval is above 0, or the number where there is none."""
        return order(self.value if self.interval is None else self.interval[0], 0) > 0


def judge_disjoint(
    contestant: Contestant,
    truth: Contestant,
    lacking: Floats,
    draws: Sequence[Draw],
    *,
    covered: float,
) -> Disjoint | None:
    """Judges the pairs without a shared class; None where no pair is known to be one.

    Args:
        contestant: over the tasks of the truth.
        truth: whom it is judged by.
        lacking: as `lacking_classes` has it, over the same tasks.
        draws: of seeds.
        covered: share of the draws that an interval covers.
    """
    apart = lacking == DISJOINT
    x, y = contestant.closeness(), truth.closeness()
    if not (apart & np.isfinite(x + y) & ~np.eye(len(x), dtype=np.bool_)).any():
        return None
    kept = np.where(apart, x, np.nan)
    return Disjoint(
        ranks=rank_agreement(kept, y),
        spearman_interval=interval(
            draws, lambda x, y: spearman_over(np.where(apart, x, np.nan), y), covered=covered
        ),
        choice=source_choice(kept, y),
        truth_reliability=by_seeds(truth, apart),
    )


def lead_over_counting(
    contestant: Contestant,
    truth: Contestant,
    lacking: Floats,
    draws: Sequence[Draw],
    *,
    covered: float,
) -> Lead | None:
    """Compares with counting shared classes; None where that cannot rank; arguments as above."""
    if contestant.fixed["method"] == METHOD:
        return None

    def counting(x: Floats, y: Floats) -> float:
        return spearman_over(np.where(np.isfinite(x), -lacking, np.nan), y)

    def ahead(x: Floats, y: Floats) -> float:
        known = np.where(np.isfinite(lacking), x, np.nan)
        return spearman_over(known, y) - counting(x, y)

    x, y = contestant.closeness(), truth.closeness()
    value = ahead(x, y)
    if math.isnan(value):
        return None
    return Lead(counting(x, y), value, interval(draws, ahead, covered=covered))

"""How far numbers agree with themselves, and what that leaves for anything that predicts them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from raytd.report.judge.contestants import Contestant
from raytd.report.statistics.agreement import source_choice, spearman_over

Floats = npt.NDArray[np.float64]

WANTED = 0.8
"""Below this reliability a truth is too noisy to rank methods by it."""


@dataclass(frozen=True)
class Reliability:
    """The share of the differences between pairs that would be found again.

    Attributes:
        value: of the mean over `n` seeds or repeats, from 0 to 1.
        single: of one seed: the Spearman of two seeds, mean over all twos. Of one repeat: the share
            of the variance; NaN where their number is not known.
        n: how many seeds, or how many repeats for each seed; None where it is not known.
        of: what the mean is over.
    """

    value: float
    single: float
    n: int | None
    of: Literal["seeds", "repeats"]

    @property
    def ceiling(self) -> float:
        """The correlation that perfect predictions would be expected to reach."""
        return math.sqrt(self.value)

    @property
    def times(self) -> float:
        """How many times as many reach `WANTED`; infinite where nothing is found again."""
        if not self.value:
            return math.inf
        return WANTED * (1 - self.value) / (self.value * (1 - WANTED))

    @property
    def needed(self) -> int | None:
        """How many reach `WANTED`; None where that is not known, or no number does."""
        return None if self.n is None or math.isinf(self.times) else math.ceil(self.n * self.times)


def stepped_up(single: float, n: int) -> float:
    """The reliability of a mean over n from that of one, by Spearman and Brown.

    n r / (1 + (n - 1) r); what is not above 0 finds nothing again, and stays 0.
    """
    return 0.0 if single <= 0 else n * single / (1 + (n - 1) * single)


def by_seeds(
    contestant: Contestant, chosen: npt.NDArray[np.bool_] | None = None
) -> Reliability | None:
    """From the agreement of two seeds; None where there is one, or none can be ranked.

    Args:
        contestant: whose layers are its seeds.
        chosen: (sources, targets), the pairs that count; None takes all.
    """
    layers = contestant.values if chosen is None else np.where(chosen, contestant.values, np.nan)
    return _of_twos(layers, spearman_over)


def by_seeds_within_targets(contestant: Contestant) -> Reliability | None:
    """The same from the ranking of each target's sources; `single` is a mean over targets."""
    return _of_twos(contestant.values, lambda one, other: source_choice(one, other).mean_spearman)


def _of_twos(layers: Floats, agreement: Callable[[Floats, Floats], float]) -> Reliability | None:
    """From the agreement of every two layers."""
    found = [agreement(one, other) for one, other in combinations(layers, 2)]
    defined = [value for value in found if not math.isnan(value)]
    if not defined:
        return None
    single, n = sum(defined) / len(defined), len(layers)
    return Reliability(stepped_up(single, n), single, n, "seeds")


def by_repeats(contestant: Contestant) -> Reliability | None:
    """From the standard errors over the repeats within a trial; None where a pair has none.

    1 - mean squared error / variance over the pairs, both of the mean over seeds. Repeats share the
    source's network, so that what another network would change is no error here.
    """
    means, errors = contestant.values.mean(axis=0), contestant.errors
    known = np.isfinite(means) & ~np.eye(len(means), dtype=np.bool_)
    if known.sum() < 2 or not np.isfinite(errors[:, known]).all():
        return None
    variance = float(means[known].var(ddof=1))
    if variance <= 0:
        return None
    squared = float((errors[:, known] ** 2).mean()) / len(contestant.seeds)
    value, n = max(0.0, 1 - squared / variance), contestant.n_repeats
    return Reliability(value, math.nan if n is None else stepped_down(value, n), n, "repeats")


def stepped_down(mean: float, n: int) -> float:
    """The reliability of one from that of a mean over n: the reverse of `stepped_up`."""
    return mean / (n - (n - 1) * mean)


def repeats_for(contestant: Contestant, seeds: Reliability) -> float:
    """How many times as many repeats reach `WANTED` with the same seeds; infinite if none do.

    One seed has a share `single` that is found again; of the rest, the squared standard errors are
    owed to the repeats, and what is left to the seeds' own networks and data, which repeats leave.
    NaN where the errors are not known.
    """
    layers, errors = contestant.values, contestant.errors
    known = np.isfinite(layers.mean(axis=0)) & ~np.eye(layers.shape[1], dtype=np.bool_)
    if not np.isfinite(errors[:, known]).all():
        return math.nan
    variance = float(layers[:, known].var(axis=1, ddof=1).mean())
    owed = min(float((errors[:, known] ** 2).mean()) / variance, 1 - seeds.single)
    allowed = len(layers) * max(0.0, seeds.single) * (1 - WANTED) / WANTED
    left = allowed - (1 - seeds.single - owed)
    return owed / left if left > 0 else math.inf

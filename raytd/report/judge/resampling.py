"""Intervals over resampled seeds."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from raytd.report.judge.contestants import Contestant

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]


class Draw(NamedTuple):
    """Seeds drawn with replacement, and how often just these were.

    Attributes:
        closeness: (sources, targets), of the contestant, mean over its drawn seeds.
        truth: likewise.
        times: how often.
    """

    closeness: Floats
    truth: Floats
    times: int


def resampled(
    contestant: Contestant, truth: Contestant, *, n: int, generator: np.random.Generator
) -> list[Draw]:
    """Draws seeds n times: together where both sides have the same ones, else each for itself.

    Empty where either side has one seed.
    """
    sizes = len(contestant.seeds), len(truth.seeds)
    if min(sizes) < 2:
        return []
    shared = set(contestant.seeds) == set(truth.seeds)
    places = [truth.seeds.index(s) for s in contestant.seeds] if shared else []
    drawn: Counter[tuple[tuple[int, ...], tuple[int, ...]]] = Counter()
    for _ in range(n):
        left = sorted(generator.integers(sizes[0], size=sizes[0]).tolist())
        right = [places[i] for i in left] if shared else sorted(
            generator.integers(sizes[1], size=sizes[1]).tolist()
        )  # fmt: skip
        drawn[tuple(left), tuple(right)] += 1
    return [
        Draw(contestant.closeness(left), truth.closeness(right), times)
        for (left, right), times in drawn.items()
    ]


def interval(
    draws: Sequence[Draw], figure: Callable[[Floats, Floats], float], *, covered: float
) -> Interval | None:
    """The percentiles of a figure that cover such a share; None where it is never defined.

    Args:
        draws: of seeds.
        figure: of closeness and truth; NaN where it is not defined.
        covered: the share.
    """
    found = [(figure(draw.closeness, draw.truth), draw.times) for draw in draws]
    defined = [value for value, times in found if not np.isnan(value) for _ in range(times)]
    if not defined:
        return None
    outside = (1 - covered) / 2
    low, high = np.quantile(defined, [outside, 1 - outside])
    return float(low), float(high)

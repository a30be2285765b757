"""How far two numbers must be apart to differ by more than their errors."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from raytd.report.statistics.intervals import LEVEL
from raytd.report.statistics.ties import levelled, order

Floats = npt.NDArray[np.float64]
Known = Literal["seeds", "rows", "nothing"]


class Margins(NamedTuple):
    """Half-widths of 95 % intervals for the differences of several means.

    Attributes:
        widths: (n, n); NaN where the error of a difference is not known.
        known: whether they are from the scatter over seeds, from the errors that rows carry, or
            not known at all.
    """

    widths: Floats
    known: Known


def margins(values: Floats, errors: Floats) -> Margins:
    """The margins of means over seeds.

    With two seeds or more that all columns have: Student's t with the scatter that is left once
    each seed and each column has its mean taken off, pooled over all columns. A seed that moves
    all columns alike is thus no error. With fewer: the normal margin of the columns' own errors.

    Args:
        values: (seeds, columns), NaN where there is none.
        errors: likewise, standard errors within a run.
    """
    from scipy.stats import norm, t

    n = values.shape[1]
    complete = values[np.isfinite(values).all(axis=1)]
    n_seeds = len(complete)
    if n_seeds > 1 and n == 1:
        return Margins(np.full((1, 1), np.nan), "seeds")  # no difference, so none is in doubt
    if n_seeds > 1:
        left = complete - complete.mean(axis=0) - complete.mean(axis=1, keepdims=True)
        freedom = (n_seeds - 1) * (n - 1)
        variance = ((left + complete.mean()) ** 2).sum() / freedom
        half = t.ppf((1 + LEVEL) / 2, freedom) * math.sqrt(2 * variance / n_seeds)
        return Margins(np.full((n, n), half), "seeds")
    squares = mean_errors(values, errors) ** 2
    widths = norm.ppf((1 + LEVEL) / 2) * np.sqrt(squares[:, None] + squares[None, :])
    return Margins(
        widths, "rows" if np.isfinite(widths[~np.eye(n, dtype=bool)]).any() else "nothing"
    )


def mean_errors(values: Floats, errors: Floats) -> Floats:
    """Standard errors of the columns' means, from the errors within runs; NaN where one lacks."""
    is_there = np.isfinite(values)
    squares = np.where(is_there, errors**2, 0.0).sum(axis=0)
    found: Floats = np.sqrt(squares) / np.maximum(is_there.sum(axis=0), 1)
    return found


def ranks(numbers: Sequence[float], widths: Floats) -> list[tuple[int, int]]:
    """Rank from 1 and place of each number, the smallest first.

    The nearest opens a rank. Every next one that differs from the opener by no more than their
    margin shares it; the first that does not opens the next rank. So all of a rank tie with its
    first, and two neighbours on either side of a rank's end may tie.
    """
    places = np.argsort(levelled(numbers), kind="stable").tolist()
    found: list[tuple[int, int]] = []
    for n, place in enumerate(places):
        first = places[found[-1][0] - 1] if found else place
        tied = found and is_tie(numbers[first], numbers[place], float(widths[first, place]))
        found.append((found[-1][0] if tied else n + 1, place))
    return found


def is_tie(a: float, b: float, width: float) -> bool:
    """Whether two numbers differ by rounding alone, or by no more than a known margin."""
    return order(a, b) == 0 or abs(a - b) <= width

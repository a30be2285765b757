"""The Mantel test: do two matrices over the same tasks agree more than by a chance of names?"""

from dataclasses import dataclass
from itertools import permutations
from math import factorial

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from raytd.errors import InputError
from raytd.report.statistics.ties import RELATIVE, alike, levelled

Floats = npt.NDArray[np.float64]

LARGEST_EXACT = 7
"""Up to so many tasks all n! permutations are tried."""


@dataclass(frozen=True)
class Mantel:
    """A correlation of two matrices off the diagonal, and how it lies among permuted ones.

    Attributes:
        r: the correlation.
        p_greater: share of permutations whose correlation is as large or larger.
        p_two_sided: share whose correlation is as far from zero or farther.
        n_permutations: how many were tried, the identity among them.
        exact: whether these are all there are.
    """

    r: float
    p_greater: float
    p_two_sided: float
    n_permutations: int
    exact: bool


def mantel(
    x: Floats,
    y: Floats,
    *,
    ranks: bool = False,
    n_sampled: int = 9999,
    generator: np.random.Generator,
) -> Mantel | None:
    """Permutes the tasks of y, rows and columns together, and correlates with x each time.

    The matrices need not be symmetric. Numbers that tie (`raytd.report.statistics.ties`) count as
    equal, and a permutation whose correlation ties with the observed one counts as large. The
    identity is one of the permutations, so no p is below one over their number: 1/n! with all of n
    tasks.

    Args:
        x: (n, n); the diagonal is not read.
        y: (n, n), over the same tasks in the same order.
        ranks: correlate ranks (Spearman) rather than values (Pearson).
        n_sampled: permutations above `LARGEST_EXACT` tasks, beside the identity.
        generator: draws those.

    Returns:
        None where all entries of one matrix tie: no correlation is defined, and nothing is shown.

    Raises:
        InputError: if the matrices are not square and of one size, have fewer than three tasks, or
            a number off the diagonal is missing.
    """
    n = len(x)
    off = ~np.eye(n, dtype=np.bool_)
    if x.shape != (n, n) or y.shape != (n, n) or n < 3:
        raise InputError(
            f"the Mantel test takes two square matrices over the same three tasks or more, not "
            f"{x.shape} and {y.shape}"
        )
    if not (np.isfinite(x[off]).all() and np.isfinite(y[off]).all()):
        raise InputError("the Mantel test takes matrices without holes off the diagonal")
    if alike(x[off]) or alike(y[off]):
        return None
    exact = n <= LARGEST_EXACT
    orders = _all_orders(n) if exact else _sampled_orders(n, n_sampled, generator)
    fixed, moved = (_standardised(m, off, ranks=ranks) for m in (x, y))
    permuted = moved[orders[:, :, None], orders[:, None, :]]
    r = np.einsum("ij,pij->p", fixed, permuted)
    slack = RELATIVE  # a correlation is a sum of products whose sizes add up to 1 at most
    return Mantel(
        r=float(r[0]),
        p_greater=float(np.mean(r >= r[0] - slack)),
        p_two_sided=float(np.mean(np.abs(r) >= abs(r[0]) - slack)),
        n_permutations=len(orders),
        exact=exact,
    )


def _standardised(matrix: Floats, off: npt.NDArray[np.bool_], *, ranks: bool) -> Floats:
    """Off the diagonal centred and of length one, ties made equal; zero on the diagonal."""
    entries = levelled(matrix[off])
    entries = rankdata(entries) if ranks else entries
    centred = entries - entries.mean()
    out = np.zeros(matrix.shape)
    out[off] = centred / np.linalg.norm(centred)
    return out


def _all_orders(n: int) -> npt.NDArray[np.intp]:
    """Every permutation, the identity first."""
    flat = np.fromiter(
        (i for order in permutations(range(n)) for i in order), np.intp, count=n * factorial(n)
    )
    return flat.reshape(-1, n)


def _sampled_orders(n: int, count: int, generator: np.random.Generator) -> npt.NDArray[np.intp]:
    """The identity, and so many random permutations."""
    drawn = [generator.permutation(n) for _ in range(count)]
    return np.array([np.arange(n), *drawn], dtype=np.intp)

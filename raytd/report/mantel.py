"""The Mantel test: do two matrices over the same tasks agree more than by a chance of names?"""

from dataclasses import dataclass
from itertools import permutations
from math import factorial

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from raytd.errors import InputError

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
) -> Mantel:
    """Permutes the tasks of y, rows and columns together, and correlates with x each time.

    The matrices need not be symmetric. With n tasks no p below 1/n! is possible.

    Args:
        x: (n, n); the diagonal is not read.
        y: (n, n), over the same tasks in the same order.
        ranks: correlate ranks (Spearman) rather than values (Pearson).
        n_sampled: permutations above `LARGEST_EXACT` tasks, beside the identity.
        generator: draws those.

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
    exact = n <= LARGEST_EXACT
    orders = _all_orders(n) if exact else _sampled_orders(n, n_sampled, generator)
    fixed, moved = (_standardised(m, off, ranks=ranks) for m in (x, y))
    permuted = moved[orders[:, :, None], orders[:, None, :]]
    r = np.einsum("ij,pij->p", fixed, permuted)
    slack = 1e-12
    return Mantel(
        r=float(r[0]),
        p_greater=float(np.mean(r >= r[0] - slack)),
        p_two_sided=float(np.mean(np.abs(r) >= abs(r[0]) - slack)),
        n_permutations=len(orders),
        exact=exact,
    )


def _standardised(matrix: Floats, off: npt.NDArray[np.bool_], *, ranks: bool) -> Floats:
    """Off the diagonal centred and of length one, zero on it; NaN where all entries are alike."""
    entries = rankdata(matrix[off]) if ranks else matrix[off].astype(np.float64)
    centred = entries - entries.mean()
    length = np.linalg.norm(centred)
    out = np.zeros(matrix.shape)
    out[off] = centred / length if length > 1e-12 * np.abs(entries).max() else np.nan
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

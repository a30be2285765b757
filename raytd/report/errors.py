"""The errors beside the numbers of a matrix: where each comes from, and how it is written."""

import math
from collections.abc import Sequence

import numpy as np

from raytd.report.matrices import DistanceMatrix
from raytd.report.statistics.intervals import LEVEL

_SIGN, _MARK = "±", "†"

_ONE_SEED = "one seed: the error that its run states of itself"


def written(matrix: DistanceMatrix, row: int, column: int) -> str:
    """The error of a cell, such as `± 0.12`; empty where it is not known.

    Among errors over several seeds, one that a run states of itself is marked.

    Args:
        matrix: that has the cell.
        row: number of its source.
        column: number of its target.
    """
    error = float(matrix.errors[row, column])
    if math.isnan(error):
        return ""
    is_odd = matrix.n_seeds[row, column] == 1 and _is_mixed(matrix)
    return f"{_SIGN} {error:.2g}{_MARK if is_odd else ''}"


def meanings(matrices: Sequence[DistanceMatrix]) -> dict[str, str]:
    """The signs that the errors of these matrices have, and what each means."""
    whole = [m for m in matrices if not _is_mixed(m)]
    several = {int(n) for m in matrices for n in _counts(m)} - {1}
    said = [_over(min(several))] if several else []
    if any((_counts(m) == 1).any() for m in whole):
        said.append(_ONE_SEED)
    found = {_SIGN: "; or, of ".join(said)} if said else {}
    return found | ({_MARK: _ONE_SEED} if len(whole) < len(matrices) else {})


def _counts(matrix: DistanceMatrix) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """How many seeds stand behind each error that is known."""
    return matrix.n_seeds[~np.isnan(matrix.errors)]


def _is_mixed(matrix: DistanceMatrix) -> bool:
    """Whether some errors are over seeds and some are of one run."""
    counts = _counts(matrix)
    return bool((counts == 1).any() and (counts > 1).any())


def _over(n_seeds: int) -> str:
    """What an error over so many seeds is; few of them say little of their own scatter."""
    from scipy.stats import t

    factor = float(t.ppf((1 + LEVEL) / 2, n_seeds - 1))
    return (
        f"standard error of the mean over seeds, from their scatter; with {n_seeds} seeds, the "
        f"{100 * LEVEL:.0f} % interval is {factor:.1f} times as wide on either side"
    )

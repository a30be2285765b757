"""The errors beside the numbers of a matrix: where each comes from, and how it is written."""

import math
from collections.abc import Sequence

from raytd.report.matrices import DistanceMatrix
from raytd.report.statistics.intervals import LEVEL

_SIGNS = {True: "±", False: "±¹"}
"""What stands before an error, by whether it is from several seeds."""

_ONE_SEED = "one seed: the error that its run states of itself"


def written(matrix: DistanceMatrix, row: int, column: int) -> str:
    """The error of a cell with its sign, such as `± 0.12`; empty where it is not known.

    Args:
        matrix: that has the cell.
        row: number of its source.
        column: number of its target.
    """
    error = float(matrix.errors[row, column])
    if math.isnan(error):
        return ""
    return f"{_SIGNS[bool(matrix.n_seeds[row, column] > 1)]} {error:.2g}"


def meanings(matrices: Sequence[DistanceMatrix]) -> dict[str, str]:
    """The signs that the errors of these matrices have, and what each means."""
    counts = {int(n) for m in matrices for n in m.n_seeds[m.errors == m.errors]}
    found = {_SIGNS[True]: _over(min(counts - {1}))} if counts - {1} else {}
    return found | ({_SIGNS[False]: _ONE_SEED} if 1 in counts else {})


def _over(n_seeds: int) -> str:
    """What an error over so many seeds is; few of them say little of their own scatter."""
    from scipy.stats import t

    factor = float(t.ppf((1 + LEVEL) / 2, n_seeds - 1))
    return (
        f"standard error of the mean over seeds, from their scatter; with {n_seeds} seeds, the "
        f"{100 * LEVEL:.0f} % interval is {factor:.1f} times as wide on either side"
    )

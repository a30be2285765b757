"""The errors beside the numbers of a matrix: where each comes from, and how it is written."""

import math
from collections.abc import Sequence

from raytd.report.matrices import DistanceMatrix

_SIGNS = {True: "±", False: "±¹"}
"""What stands before an error, by whether it is from several seeds."""

_MEANINGS = {
    True: "standard error of the mean over seeds, from their scatter",
    False: "one seed: the error that its run states of itself",
}


def written(matrix: DistanceMatrix, row: int, column: int, form: str) -> str:
    """The error of a cell with its sign, such as `± 0.12`; empty where it is not known.

    Args:
        matrix: that has the cell.
        row: number of its source.
        column: number of its target.
        form: how the error is formatted.
    """
    error = float(matrix.errors[row, column])
    if math.isnan(error):
        return ""
    return f"{_SIGNS[bool(matrix.n_seeds[row, column] > 1)]} {error:{form}}"


def meanings(matrices: Sequence[DistanceMatrix]) -> dict[str, str]:
    """The signs that the errors of these matrices have, and what each means."""
    met = {bool(n > 1) for m in matrices for n in m.n_seeds[m.errors == m.errors]}
    return {_SIGNS[kind]: text for kind, text in _MEANINGS.items() if kind in met}

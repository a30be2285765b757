"""Which figures make sense for a sweep."""

from collections.abc import Iterator

from raytd.errors import RequestError
from raytd.report.compare import Comparison, compare
from raytd.report.figures.curves import convergence, losses
from raytd.report.figures.figure import Figure
from raytd.report.figures.heatmap import scales
from raytd.report.figures.lambda_map import lambda_maps
from raytd.report.figures.parts import parts
from raytd.report.figures.scatter import scatter
from raytd.report.figures.task_map import task_map
from raytd.report.levels import chosen_pairs, levels
from raytd.report.matrices import DistanceMatrix, distance_matrices
from raytd.report.saved import SavedSweep
from raytd.rows.row import number

_LENGTHS = ("value", "noise_free_length")
_FEWEST_POINTS, _MOST_SCATTERS, _MOST_MAPS = 2, 6, 4


def sweep_figures(saved: SavedSweep) -> list[Figure]:
    """The figures of a sweep beside its matrices, in the order of the page; none is drawn yet.

    Raises:
        InputError: two results differ in no column that is known as an axis.
    """
    return [
        *parts(saved),
        *list(_scatters(saved))[:_MOST_SCATTERS],
        *convergence(saved),
        *losses(saved),
        *lambda_maps(saved),
        *[m for matrix in _matrices(saved, "value")[:_MOST_MAPS] if (m := task_map(matrix))],
    ]


def scaled_matrices(saved: SavedSweep) -> list[list[DistanceMatrix]]:
    """The matrices of a sweep, those on one scale together."""
    paths = {str(row["method"]) for row in saved.rows if number(row, "distance") is not None}
    return [
        panels for value in _LENGTHS for panels in scales(_matrices(saved, value), comparable=paths)
    ]


def model_comparisons(saved: SavedSweep, value: str) -> list[Comparison]:
    """Every other model against the first one; nothing where there is one model."""
    try:
        found = levels(saved.rows, "model")
    except RequestError:
        return []
    return [
        one
        for left, right in chosen_pairs(found)
        for one in compare(saved.rows, "model", left, right, value=value, axes=saved.axes)
    ]


def _scatters(saved: SavedSweep) -> Iterator[Figure]:
    for value in _LENGTHS:
        for one in model_comparisons(saved, value):
            if len(one.pairs) >= _FEWEST_POINTS:
                yield scatter(one)


def _matrices(saved: SavedSweep, value: str) -> list[DistanceMatrix]:
    return distance_matrices(saved.rows, value, axes=saved.axes, tasks=saved.tasks)

"""Matrices of distances as figures: those that can be compared stand on one scale."""

import math
from collections.abc import Collection, Sequence
from typing import Any

from raytd.report.figures.figure import Figure, Kind, left_out, slug
from raytd.report.matrices import DistanceMatrix
from raytd.report.statistics.ties import lowest, named

_MOST_PANELS = 12


MATRICES = Kind(
    "Matrices",
    "Rows are sources, columns targets; the number is the mean over seeds. The nearest pair of a "
    "scale is darkest, for distances and for scores. Compare a cell with its mirror image: the way "
    "there is not the way back. Letters behind a number mark a doubt. Hatched: no result.",
)


def heatmaps(found: Sequence[Sequence[DistanceMatrix]]) -> list[Figure]:
    """A figure of each list of matrices that can be compared, side by side.

    Args:
        found: what `scales` returns.
    """
    stems = [_stem(panels) for panels in found]
    return [
        _heatmap(panels, _alone(stem, panels, among=stems))
        for panels, stem in zip(found, stems, strict=True)
    ]


def _alone(stem: str, panels: Sequence[DistanceMatrix], *, among: Sequence[str]) -> str:
    """The name of a figure; with the protocol where another has the same."""
    return stem if among.count(stem) == 1 else f"{stem}-{slug(str(panels[0].fixed['protocol']))}"


def scales(
    matrices: Sequence[DistanceMatrix], *, comparable: Collection[str]
) -> list[list[DistanceMatrix]]:
    """The matrices that can be compared cell by cell, together.

    Lengths of different protocols have no scale in common, nor have most methods.

    Args:
        matrices: of any methods and protocols.
        comparable: methods whose numbers mean the same, as those of paths that are measured alike.
    """
    found: dict[tuple[Any, ...], list[DistanceMatrix]] = {}
    for matrix in matrices:
        family = "" if matrix.method in comparable else matrix.method
        scale = (matrix.quantity, matrix.unit, family, matrix.fixed.get("protocol"))
        found.setdefault(scale, []).append(matrix)
    for panels in found.values():
        methods = list(dict.fromkeys(matrix.method for matrix in panels))
        panels.sort(key=lambda matrix: methods.index(matrix.method))  # noqa: B023 - used at once
    return list(found.values())


def matrix_rows(matrices: Sequence[DistanceMatrix]) -> list[dict[str, Any]]:
    """A row for each cell with a result: its axes, its pair, its mean with spread and error."""
    axes = list(dict.fromkeys(axis for matrix in matrices for axis in matrix.fixed))
    rows = []
    for matrix in matrices:
        for i, source in enumerate(matrix.sources):
            for j, target in enumerate(matrix.targets):
                if n := int(matrix.n_seeds[i, j]):
                    rows.append(
                        {axis: matrix.fixed.get(axis) for axis in axes}
                        | {"source": source, "target": target}
                        | {"quantity": matrix.quantity, "unit": matrix.unit}
                        | {"mean": float(matrix.values[i, j])}
                        | {"spread": float(matrix.spread[i, j]) if n > 1 else None, "n_seeds": n}
                        | {"error": None if math.isnan(e := float(matrix.errors[i, j])) else e}
                        | {"doubts": _words(matrix, source, target)}
                    )
    return rows


def _words(matrix: DistanceMatrix, source: str, target: str) -> str | None:
    found = matrix.doubts.get((source, target), ())
    return "; ".join(doubt.text for doubt in found) or None


def _heatmap(matrices: Sequence[DistanceMatrix], name: str) -> Figure:
    from raytd.report.figures.drawing import distance_figure

    panels = matrices[:_MOST_PANELS]
    what = panels[0].quantity
    methods = " and ".join(dict.fromkeys(matrix.method for matrix in panels))
    cells = matrix_rows(panels)
    low, high = (_ends(cells, sign) for sign in (1, -1))
    return Figure(
        name=name,
        kind=MATRICES,
        heading=f"{what[0].upper()}{what[1:]}: {methods}",
        caption=left_out(len(matrices), len(panels), "matrices"),
        alt=f"Heat map. Smallest: {low}; largest: {high}.",
        data=tuple(cells),
        draw=lambda: distance_figure(panels),
    )


def _ends(cells: Sequence[dict[str, Any]], sign: int) -> str:
    """The smallest cell in words, or with sign -1 the largest; several that tie are counted."""
    tied = lowest(cells, key=lambda cell: sign * float(cell["mean"]))
    where = named([f"{cell['source']} to {cell['target']}" for cell in tied])
    return f"{where}, {tied[0]['mean']:.3g}"


def _stem(panels: Sequence[DistanceMatrix]) -> str:
    plural = {"distance": "distances", "score": "scores"}
    what = plural.get(panels[0].quantity, panels[0].quantity)
    return slug("-".join([what, *dict.fromkeys(matrix.method for matrix in panels)]))

"""Heat maps of distances: one picture per method, with its numbers beside it as CSV."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from raytd.engine.files import write_bytes
from raytd.report.matrices import DistanceMatrix


def save_heatmaps(matrices: Sequence[DistanceMatrix], folder: Path) -> list[Path]:
    """Writes `distances-<method>.png` and `.csv` for every method, models side by side.

    Where larger is closer, they are `scores-<method>`. The panels of a picture share one colour
    scale. Lengths of different protocols have none in common, so each protocol gets a picture of
    its own, `distances-<method>-<protocol>.png`.

    Returns:
        The pictures, in the order of the matrices. The same matrices give the same bytes.

    Raises:
        StorageError: the folder cannot be written.
    """
    from raytd.report.drawing import draw

    pictures = []
    for name, panels in _pictures(matrices).items():
        pictures.append(folder / f"{name}.png")
        write_bytes(pictures[-1], draw(panels))
        write_bytes(folder / f"{name}.csv", as_csv(panels).encode())
    return pictures


def as_csv(matrices: Sequence[DistanceMatrix]) -> str:
    """One line per cell with a result: its axes, its pair, mean, spread and number of seeds."""
    axes = list(dict.fromkeys(axis for matrix in matrices for axis in matrix.fixed))
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([*axes, "source", "target", "quantity", "unit", "mean", "spread", "n_seeds"])
    for matrix in matrices:
        fixed = [matrix.fixed.get(axis) for axis in axes]
        for i, source in enumerate(matrix.sources):
            for j, target in enumerate(matrix.targets):
                if n := int(matrix.n_seeds[i, j]):
                    mean = float(matrix.values[i, j])
                    spread = float(matrix.spread[i, j]) if n > 1 else None
                    what = [matrix.quantity, matrix.unit, mean, spread, n]
                    lines.writerow([*fixed, source, target, *what])
    return text.getvalue()


def _pictures(matrices: Sequence[DistanceMatrix]) -> dict[str, list[DistanceMatrix]]:
    protocols: dict[str, set[object]] = {}
    for matrix in matrices:
        protocols.setdefault(_stem(matrix), set()).add(matrix.fixed.get("protocol"))
    pictures: dict[str, list[DistanceMatrix]] = {}
    for matrix in matrices:
        stem = _stem(matrix)
        mixed = len(protocols[stem]) > 1
        name = f"{stem}-{_slug(str(matrix.fixed.get('protocol')))}" if mixed else stem
        pictures.setdefault(name, []).append(matrix)
    return pictures


def _stem(matrix: DistanceMatrix) -> str:
    plural = {"distance": "distances", "score": "scores"}
    what = plural.get(matrix.quantity, matrix.quantity)
    return f"{_slug(what)}-{_slug(matrix.method)}"


def _slug(text: str) -> str:
    return re.sub(r"[^\w.]+", "-", text).strip("-").lower()

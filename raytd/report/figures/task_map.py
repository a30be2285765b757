"""Tasks as points of a plane: near where the distance there and back is small.

InPCA of the predictions along the paths (Ramesh et al., "A picture of the space of typical
learnable tasks", ICML 2023) would draw the paths themselves. It needs predictions on inputs and
classes that all trials share. A trial has the images of its own pair alone, and a head for the
classes of that pair; it keeps lengths of predictions, not the predictions. Two paths whose classes
are disjoint overlap nowhere, so their Bhattacharyya distance is infinite. A common head and common
images would make each trial depend on every task of its sweep: a new task would run all trials
again.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from raytd.report.doubts import listed
from raytd.report.figures.figure import Figure, Kind, slug
from raytd.report.figures.style import FAINT, GRID, INK, PAPER, colour, new_figure
from raytd.report.matrices import DistanceMatrix
from raytd.report.statistics.ties import alike, lowest, named, order
from raytd.words import counted

Floats = npt.NDArray[np.float64]

_FEWEST, _MOST_WRITTEN = 3, 4
_KIND = Kind(
    "Map of the tasks",
    "Multidimensional scaling of the mean of the distances there and back; stress 0 is a faithful "
    "map. An arrow points in the direction in which a pair is shorter, the thicker the larger the "
    "difference (in percent of the mean where there is room). Only distances on the map mean "
    "something, not its axes.",
)


def task_map(matrix: DistanceMatrix) -> Figure | None:
    """A map of the tasks by multidimensional scaling of the mean of there and back.

    Returns:
        None with fewer than three tasks, where a pair has no result in one direction, where no task
        is apart from another, or of a score that is larger where tasks are closer.
    """
    there = _square(matrix)
    if there is None:
        return None
    tasks = matrix.sources
    both = (there + there.T) / 2
    points, stress = place(both)
    data = [
        {**matrix.fixed, "kind": "task", "source": task, "target": None, "x": x, "y": y}
        for task, (x, y) in zip(tasks, points.tolist(), strict=True)
    ]
    arrows = [
        {**matrix.fixed, "kind": "shorter", "source": tasks[i], "target": tasks[j],
         "there": float(there[i, j]), "back": float(there[j, i]),
         "asymmetry": _asymmetry(there, i, j)}
        for i in range(len(tasks)) for j in range(len(tasks))
        if order(there[i, j], there[j, i]) < 0
    ]  # fmt: skip
    name = ", ".join((matrix.method, *matrix.details))
    return Figure(
        name=slug(f"map-{matrix.quantity}-{name}"),
        kind=_KIND,
        heading=name,
        caption=f"{matrix.label[0].upper()}{matrix.label[1:]}; stress {stress:.2f}."
        + (f" Doubtful: {listed(matrix.doubts)}." if matrix.doubts else ""),
        alt=_nearest(both, tasks),
        data=tuple(data + arrows),
        draw=lambda: _draw(tasks, points, arrows, matrix.label),
    )


def place(distances: Floats) -> tuple[Floats, float]:
    """Points in the plane and Kruskal's stress-1; the same distances give the same points.

    Scaling starts from the classical solution. Rotation and reflection, which mean nothing, are
    fixed: principal axes, the first task on the positive side of both.
    """
    from sklearn.manifold import smacof

    start = _classical(distances)
    found, _ = smacof(distances, init=start, n_init=1, eps=1e-9, max_iter=1000, random_state=0)
    points = _upright(found)
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1)
    stress = math.sqrt(((apart - distances) ** 2).sum() / (distances**2).sum())
    return points, stress


def _classical(distances: Floats) -> Floats:
    """Torgerson's scaling: the two leading axes of the doubly centred squares."""
    n = len(distances)
    centring = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(-centring @ (distances**2) @ centring / 2)
    start: Floats = vectors[:, ::-1][:, :2] * np.sqrt(np.maximum(values[::-1][:2], 0.0))
    return start


def _upright(points: Floats) -> Floats:
    centred = points - points.mean(axis=0)
    turned: Floats = centred @ np.linalg.svd(centred)[2].T
    return turned * np.where(turned[0] < 0, -1.0, 1.0)


def _square(matrix: DistanceMatrix) -> Floats | None:
    """The matrix over tasks that are source and target, its diagonal 0; None where it has holes."""
    if matrix.sources != matrix.targets or len(matrix.sources) < _FEWEST or matrix.is_score:
        return None
    values = matrix.values.copy()
    np.fill_diagonal(values, 0.0)
    if np.isnan(values).any() or (values < 0).any() or alike([*values.flat]):
        return None
    return values


def _asymmetry(there: Floats, i: int, j: int) -> float:
    return float(2 * (there[j, i] - there[i, j]) / (there[j, i] + there[i, j]))


def _nearest(both: Floats, tasks: Sequence[str]) -> str:
    upper = [(both[i, j], tasks[i], tasks[j]) for j in range(len(tasks)) for i in range(j)]
    near, far = (lowest(upper, key=lambda pair: sign * pair[0]) for sign in (1, -1))
    nearest, farthest = (named([f"{a} and {b}" for _, a, b in ends]) for ends in (near, far))
    return (
        f"Map of {counted(len(tasks), 'task')}. Nearest to one another are {nearest} "
        f"({near[0][0]:.3g}), farthest {farthest} ({far[0][0]:.3g})."
    )


def _draw(
    tasks: Sequence[str], points: Floats, arrows: Sequence[dict[str, Any]], label: str
) -> Any:
    figure = new_figure(4.6, 4.2)
    axes = figure.add_subplot()
    at = dict(zip(tasks, points, strict=True))
    for arrow in arrows:
        start, end = at[arrow["source"]], at[arrow["target"]]
        width = 0.6 + 6 * min(arrow["asymmetry"], 0.5)
        look = {"arrowstyle": "-|>", "color": FAINT, "linewidth": width, "mutation_scale": 12}
        look |= {"shrinkA": 9, "shrinkB": 9}
        axes.annotate("", end, start, arrowprops=look, zorder=1)
        if len(tasks) <= _MOST_WRITTEN:
            middle = start + 0.36 * (end - start)  # off the middle, where arrows cross
            box = {"facecolor": PAPER, "edgecolor": "none", "pad": 1}
            words = f"{100 * arrow['asymmetry']:.0f} %"
            axes.text(*middle, words, fontsize=7, ha="center", va="center", bbox=box, zorder=2)
    axes.scatter(points[:, 0], points[:, 1], s=60, color=colour(0), edgecolor=PAPER, zorder=3)
    for task, point in at.items():
        above = point[1] >= 0  # away from the arrows, which lie within
        offset = {"xytext": (0, 8 if above else -8), "textcoords": "offset points"}
        look = {"ha": "center", "va": "bottom" if above else "top", "weight": "bold"}
        axes.annotate(task, point, **offset, **look, fontsize=9, color=INK, zorder=4)
    reach = 0.14 * np.ptp(points) + 1e-9
    axes.set(aspect="equal", xticks=[], yticks=[])
    axes.set_xlim(points[:, 0].min() - 2 * reach, points[:, 0].max() + 2 * reach)
    axes.set_ylim(points[:, 1].min() - 2 * reach, points[:, 1].max() + 1.5 * reach)
    axes.spines[:].set_color(GRID)
    _ruler(axes, label)
    return figure


def _ruler(axes: Any, label: str) -> None:
    """A line of a round length in the lower left corner, so that the map has a scale."""
    (low, high), floor = axes.get_xlim(), axes.get_ylim()[0]
    size = 10 ** math.floor(math.log10((high - low) / 3))
    size *= max(f for f in (1, 2, 5) if f * size <= (high - low) / 3)
    x, y = low + 0.04 * (high - low), floor + 0.04 * (high - low)
    axes.plot([x, x + size], [y, y], color=INK, linewidth=2, solid_capstyle="butt")
    axes.text(x, y + 0.015 * (high - low), f"{size:g}  {label}", fontsize=7, va="bottom")

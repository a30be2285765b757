"""Drawing of distance matrices, by matplotlib's objects alone: no global state, no display."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from textwrap import fill
from typing import Any

import numpy as np

from raytd.report.errors import written
from raytd.report.figures.near_far import colour_scale, ends, number_format, readable_on
from raytd.report.matrices import DistanceMatrix

_INK, _HOLE, _HATCH = "#1b1b1b", "#ececec", "#c0c0c0"
_PER_LINE = 3
_CELL, _LETTER, _GAP = 0.7, 0.07, 0.3  # inches
_TALLEST_BAR = 3.0
_DPI = 160


def distance_figure(panels: Sequence[DistanceMatrix]) -> Any:
    """Matrices side by side on one colour scale, as a matplotlib figure; a method begins a line.

    Sources are rows and targets columns. The diagonal is plain grey: a task to itself is not
    asked; a hatched cell has no result.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1, 1), dpi=_DPI)  # one inch, so that positions are in inches
    scale, digits = colour_scale(panels), number_format(ends(panels))
    width, height = _panel_size(panels)
    several = len({matrix.method for matrix in panels}) > 1
    headings = [_heading(matrix, several=several) for matrix in panels]
    below = _GAP + 0.34 + 0.7 * _LETTER * max(map(len, panels[0].targets))
    below += 0.16 * max(heading.count("\n") + 1 for heading in headings)
    places = _places(panels)
    lines = 1 + max(line for line, _ in places)
    for (line, column), matrix, heading in zip(places, panels, headings, strict=True):
        left, bottom = column * (width + _GAP), (lines - 1 - line) * (height + below)
        axes = figure.add_axes((left, bottom, width, height))
        _panel(axes, matrix, scale, digits)
        axes.set_title(heading, fontsize=9, color=_INK)
        if column:
            axes.set_yticklabels([])
        else:
            axes.set_ylabel("source", fontsize=9)
    right = (1 + max(column for _, column in places)) * (width + _GAP) - _GAP
    top = lines * (height + below) - below
    tall = min(top, max(height, _TALLEST_BAR))
    bar = figure.colorbar(scale, cax=figure.add_axes((right + 0.2, top - tall, 0.16, tall)))
    bar.set_label(panels[0].label, fontsize=9)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
    lower, upper = ("far", "near") if panels[0].is_score else ("near", "far")
    for y, word, side in ((-0.02, lower, "top"), (1.02, upper, "bottom")):
        bar.ax.text(0.5, y, word, transform=bar.ax.transAxes, ha="center", va=side, fontsize=8)
    if not several:
        figure.text(
            right / 2,
            top + 0.24 + 0.16 * (1 + headings[0].count("\n")),
            panels[0].method,
            ha="center",
            size=12,
            weight="bold",
        )
    return figure


def _places(panels: Sequence[DistanceMatrix]) -> list[tuple[int, int]]:
    """Line and column of every panel: a method with several panels begins a line."""
    counts = Counter(matrix.method for matrix in panels)
    own_lines = len(counts) > 1 and max(counts.values()) > 1
    places: list[tuple[int, int]] = []
    for position, matrix in enumerate(panels):
        line, column = places[-1] if places else (0, -1)
        begins = own_lines and position > 0 and matrix.method != panels[position - 1].method
        full = column + 1 == _PER_LINE
        places.append((line + 1, 0) if begins or full else (line, column + 1))
    return places


def _panel_size(panels: Sequence[DistanceMatrix]) -> tuple[float, float]:
    rows, columns = panels[0].values.shape
    lines = [line for m in panels for line in _heading(m, several=True).splitlines()]
    title = _LETTER * max(map(len, lines))
    return max(_CELL * columns, title), _CELL * rows


def _heading(matrix: DistanceMatrix, *, several: bool) -> str:
    """What tells a panel from the others, its method only where there are several."""
    parts = (*([matrix.method] if several else []), *matrix.details, matrix.seeds)
    width = max(24, int(_CELL * len(matrix.targets) / _LETTER))
    return fill(", ".join(parts), width, break_long_words=False, break_on_hyphens=False)


def _panel(axes: Any, matrix: DistanceMatrix, scale: Any, digits: str) -> None:
    rows, columns = matrix.values.shape
    axes.set(xlim=(0, columns), ylim=(rows, 0), aspect="equal", xlabel="target")
    axes.xaxis.label.set_size(9)
    axes.set_xticks(np.arange(columns) + 0.5, matrix.targets)
    axes.set_yticks(np.arange(rows) + 0.5, matrix.sources)
    axes.tick_params(length=0, labelsize=9)
    if max(map(len, matrix.targets)) > 7:
        for label in axes.get_xticklabels():
            label.set(rotation=40, ha="right", rotation_mode="anchor")
    axes.spines[:].set_visible(False)
    for row, column, text in _cells(matrix, digits):
        value = matrix.values[row, column]
        if math.isnan(value):
            same_task = matrix.sources[row] == matrix.targets[column]
            _tile(axes, row, column, _HOLE, hatch=None if same_task else "////")
            continue
        colour = scale.to_rgba(value)
        _tile(axes, row, column, colour)
        place = {"ha": "center", "va": "center", "fontsize": 9}
        axes.text(column + 0.5, row + 0.5, text, color=readable_on(colour), **place)


def _cells(matrix: DistanceMatrix, digits: str) -> Iterator[tuple[int, int, str]]:
    """Every cell with what is written in it: its marks behind it, the error below."""
    for row, column in product(*map(range, matrix.values.shape)):
        text = format(matrix.values[row, column], digits)
        if marks := matrix.marks(row, column):
            text += f" {marks}"
        if error := written(matrix, row, column):
            text += "\n" + error.replace(" ", "")
        yield row, column, text


def _tile(axes: Any, row: int, column: int, colour: Any, hatch: str | None = None) -> None:
    from matplotlib.patches import Rectangle

    corner = (column + 0.012, row + 0.012)
    look = {"facecolor": colour, "edgecolor": _HATCH, "hatch": hatch, "linewidth": 0}
    axes.add_patch(Rectangle(corner, 0.976, 0.976, **look))

"""One colour for near and one for far, whatever the numbers are."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from raytd.report.matrices import DistanceMatrix
from raytd.report.statistics.ties import alike

MAP = "cividis"
"""From near to far. Its lightness is even, so grey prints and colour-blind eyes keep the order."""

_INK, _PAPER = "#101010", "#fdfdfd"


def colour_scale(panels: Sequence[DistanceMatrix]) -> Any:
    """One mapping from numbers to colours, over the results of all panels.

    The nearest pair is dark and the farthest light, for distances and for scores alike. Numbers
    that differ by rounding alone have one colour.

    Args:
        panels: of one quantity.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    low, high = ends(panels)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return ScalarMappable(
        Normalize(low, high), colormaps[f"{MAP}_r" if panels[0].is_score else MAP]
    )


def ends(panels: Sequence[DistanceMatrix]) -> tuple[float, float]:
    """The smallest and the largest number of all panels; one number where rounding parts them."""
    numbers = np.concatenate([matrix.values.ravel() for matrix in panels])
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    return (low, low) if alike(numbers) else (low, high)


def number_format(numbers: Iterable[float]) -> str:
    """Three digits of the largest of some numbers, as far as they fit into a cell."""
    largest = max(map(abs, numbers))
    decimals = max(0, 2 - math.floor(math.log10(largest))) if largest > 0 else 0
    return f".{decimals}f" if decimals <= 4 else ".1e"


def readable_on(colour: Sequence[float]) -> str:
    """Dark or light, whichever stands out more (relative luminance of WCAG 2.1)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return _INK if (luminance + 0.05) / 0.055 > 1.04 / (luminance + 0.05) else _PAPER

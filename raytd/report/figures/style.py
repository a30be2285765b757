"""How figures look: colours that differ for colour-blind eyes, and in grey by mark and line."""

from typing import Any

INK, PAPER, FAINT, GRID = "#1b1b1b", "#ffffff", "#8c8c8c", "#e3e3e3"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#2a93c9", "#7a5a00", "#bd7d00", "#1b1b1b")
"""Those of Okabe and Ito, the light ones darkened to three times the contrast of white paper."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":")

_DPI = 160


def colour(index: int) -> str:
    """The colour of the index-th thing; they come again after eight."""
    return COLOURS[index % len(COLOURS)]


def dash(index: int) -> str:
    """The line of the index-th thing."""
    return DASHES[index % len(DASHES)]


def marker(index: int) -> str:
    """The mark of the index-th thing."""
    return MARKERS[index % len(MARKERS)]


def new_figure(width: float, height: float) -> Any:
    """An empty figure, in inches, without matplotlib's global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained")


def panel_grid(n: int, *, columns: int, size: tuple[float, float], x: str) -> Any:
    """A figure and n panels of one size with common axes, line by line.

    Args:
        n: panels.
        columns: at most so many beside one another.
        size: width and height of a panel in inches.
        x: what the lowest panel of each column says below.

    Returns:
        The figure and a list of n axes.
    """
    columns = min(n, columns)
    lines = -(-n // columns)
    figure = new_figure(size[0] * columns, size[1] * lines + 0.3)  # for a legend below
    grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[n:]:
        axes.set_visible(False)
    for column in range(columns):  # the lowest panel of a column carries its labels
        lowest = range(column, n, columns)[-1]
        grid.flat[lowest].tick_params(labelbottom=True)
        grid.flat[lowest].set_xlabel(x, fontsize=9)
    return figure, list(grid.flat[:n])


def dress(axes: Any, *, title: str = "", x: str = "", y: str = "") -> None:
    """The plain frame of every panel of curves."""
    axes.set_title(title, fontsize=9, color=INK)
    if x:
        axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)

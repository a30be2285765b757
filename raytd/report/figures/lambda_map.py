"""How ε and λ change the distance, and whether it converges: a map over both."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np

from raytd.report.figures.figure import Figure, Kind, slug
from raytd.report.figures.near_far import MAP, readable_on
from raytd.report.groups import Group, groups
from raytd.report.naming import column_label
from raytd.report.saved import SavedSweep
from raytd.report.statistics.ties import alike, lowest, named
from raytd.rows.grouping import PAIR, grouped, single
from raytd.rows.row import cell, number

EPSILON, LAM = "coupled.epsilon", "coupled.lam"
_KIND = Kind(
    "Distance over ε and λ",
    "Left: the mean distance. Right: the share of results whose last iteration changed the "
    "distance by less than the tolerance. A small ε sharpens the coupling, a large λ lets it move "
    "far from the last one; a distance that is small where little converges is not to be trusted.",
)


def lambda_maps(saved: SavedSweep) -> list[Figure]:
    """A map for each model and setting of the other axes; none unless ε and λ both vary."""
    others = [axis for axis in saved.axes if axis not in (EPSILON, LAM)]
    figures = [
        _figure(group)
        for group in groups(saved.rows, others)
        if all(len({cell(row, axis) for row in group.rows} - {None}) > 1 for axis in (EPSILON, LAM))
    ]
    return [figure for figure in figures if figure is not None]


def cells(group: Group) -> list[dict[str, Any]]:
    """For each ε and λ the mean distance over the pairs and seeds that all settings have.

    A mean over other pairs in each cell would compare pairs, not settings.
    """
    known = [row for row in group.rows if number(row, "distance") is not None]
    tables = {
        place: single(rows, (*PAIR, "seed"))
        for place, rows in grouped(known, (EPSILON, LAM)).items()
        if None not in place
    }
    common = set.intersection(*map(set, tables.values())) if tables else set()
    return [
        {
            **group.fixed,
            EPSILON: epsilon,
            LAM: lam,
            "distance": fmean(float(cell(found[pair], "distance")) for pair in sorted(common)),
            "share_converged": fmean(
                bool(found[pair].get("distance_converged")) for pair in sorted(common)
            ),
            "n_results": len(common),
        }
        for (epsilon, lam), found in tables.items()
        if common
    ]


def _figure(group: Group) -> Figure | None:
    data = cells(group)
    if not data:
        return None
    least = lowest(data, key=lambda cell: float(cell["distance"]))
    where = named([f"ε {cell[EPSILON]:g} and λ {cell[LAM]:g}" for cell in least])
    return Figure(
        name=slug(f"epsilon-lambda-{group.label}"),
        kind=_KIND,
        heading=group.label,
        caption=f"Both are over the {data[0]['n_results']} results (pairs and seeds) that every "
        "setting has.",
        alt=f"Two heat maps. The smallest mean distance, {least[0]['distance']:.3g}, "
        f"is at {where}.",
        data=tuple(data),
        draw=lambda: _draw(data),
    )


def _draw(data: Sequence[dict[str, Any]]) -> Any:
    from raytd.report.figures.style import new_figure

    epsilons, lams = (sorted({cell[axis] for cell in data}) for axis in (EPSILON, LAM))
    width = 1.1 + 0.72 * len(lams)
    figure = new_figure(2 * width + 0.8, 1.2 + 0.55 * len(epsilons))
    for axes, column, title in zip(
        figure.subplots(1, 2),
        ("distance", "share_converged"),
        (column_label("distance"), "share converged"),
        strict=True,
    ):
        values = np.full((len(epsilons), len(lams)), np.nan)
        for one in data:
            values[epsilons.index(one[EPSILON]), lams.index(one[LAM])] = one[column]
        _panel(axes, values, share=column == "share_converged")
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("λ", fontsize=9)
        axes.set_xticks(range(len(lams)), [f"{lam:g}" for lam in lams])
        axes.set_yticks(range(len(epsilons)), [f"{epsilon:g}" for epsilon in epsilons])
    figure.axes[0].set_ylabel("ε", fontsize=9)
    return figure


def _panel(axes: Any, values: Any, *, share: bool) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import Normalize

    low, high = (0.0, 1.0) if share else (float(np.nanmin(values)), float(np.nanmax(values)))
    scale = Normalize(low, low + 1 if alike(values) else high)
    colours = colormaps["Greys" if share else MAP]  # near and far have colours of their own
    axes.imshow(values, cmap=colours, norm=scale, origin="lower", aspect="auto")
    axes.tick_params(length=0, labelsize=8)
    axes.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            axes.text(column, row, "–", ha="center", va="center", fontsize=8)
            continue
        ink = readable_on(colours(scale(value)))
        text = f"{100 * value:.0f} %" if share else f"{value:#.3g}"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=ink)

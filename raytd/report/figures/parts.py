"""A distance as its two parts: what the labels alone ask for, and what comes on top of it."""

from collections.abc import Mapping, Sequence
from math import isnan
from statistics import fmean
from typing import Any

from raytd.report.figures.figure import Data, Figure, Kind, left_out, slug
from raytd.report.figures.style import INK, colour, dress, new_figure
from raytd.report.groups import Group, groups
from raytd.report.matrices import mean_error
from raytd.report.naming import column_label
from raytd.report.saved import SavedSweep
from raytd.rows.grouping import PAIR, grouped
from raytd.rows.row import Row, cell, number
from raytd.words import counted

_MOST_FIGURES, _MOST_BARS = 4, 60
_KIND = Kind(
    "Parts of the distance",
    "The label part is π times the mass of pairs whose labels differ; the excess is what images, "
    "network and the noise of SGD add to it, or take from it (hatched). Mean over seeds; the line "
    "at the end is the standard error of the distance: from their scatter, or what the run states "
    "where there is one seed.",
)
_BAR, _FRAME = 0.22, 1.1  # inches


def parts(saved: SavedSweep) -> list[Figure]:
    """Bars of label part and excess, one for each pair, the shortest distance first."""
    return [
        _figure(group, bars) for group in groups(saved.rows, saved.axes) if (bars := _bars(group))
    ][:_MOST_FIGURES]


def _figure(group: Group, bars: Sequence[Mapping[str, Any]]) -> Figure:
    data: Data = tuple({**group.fixed, **bar} for bar in bars[:_MOST_BARS])
    near, far = data[0], data[-1]
    return Figure(
        name=slug(f"parts-{group.label}"),
        kind=_KIND,
        heading=group.label,
        caption=left_out(len(bars), len(data), "pairs"),
        alt=f"Stacked bars of {counted(len(data), 'pair')} from {_told(near)} to {_told(far)}.",
        data=data,
        draw=lambda: _draw(data),
    )


def _told(bar: Mapping[str, Any]) -> str:
    return (
        f"{bar['source']} → {bar['target']} ({bar['distance']:.3g} rad, "
        f"{bar['label_part']:.3g} of it labels)"
    )


def _bars(group: Group) -> list[dict[str, Any]]:
    wanted = ("label_part", "distance")
    known = [row for row in group.rows if all(number(row, c) is not None for c in wanted)]
    bars = [_bar(source, target, rows) for (source, target), rows in grouped(known, PAIR).items()]
    return sorted(bars, key=lambda bar: float(bar["distance"]))


def _bar(source: str, target: str, rows: Sequence[Row]) -> dict[str, Any]:
    distance, label_part = (
        fmean(float(cell(row, column)) for row in rows) for column in ("distance", "label_part")
    )
    error = mean_error(rows, "distance")
    return {
        "source": source,
        "target": target,
        "distance": distance,
        "label_part": label_part,
        "excess": distance - label_part,
        "standard_error": None if isnan(error) else error,
        "n_seeds": len(rows),
    }


def _draw(data: Data) -> Any:
    figure = new_figure(6.4, _FRAME + _BAR * len(data))
    axes = figure.add_subplot()
    places = range(len(data))
    axes.barh(places, [b["label_part"] for b in data], color=colour(4), label="label part")
    for sign, hatch, name in ((1, None, "excess"), (-1, "////", "negative excess")):
        own = [(p, b) for p, b in zip(places, data, strict=True) if b["excess"] * sign > 0]
        if own:
            axes.barh(
                [p for p, _ in own],
                [b["excess"] for _, b in own],
                left=[b["label_part"] for _, b in own],
                color=colour(1) if hatch is None else "none",
                edgecolor=colour(1),
                hatch=hatch,
                label=name,
            )
    known = [(p, b) for p, b in zip(places, data, strict=True) if b["standard_error"] is not None]
    if known:
        ends, errors = ([b[c] for _, b in known] for c in ("distance", "standard_error"))
        axes.errorbar(ends, [p for p, _ in known], xerr=errors, fmt="none", ecolor=INK, capsize=2)
    axes.set_yticks(places, [f"{b['source']} → {b['target']}" for b in data])
    axes.invert_yaxis()
    dress(axes, x=column_label("distance"))
    figure.legend(loc="outside upper left", ncols=3, fontsize=8, frameon=False)
    return figure

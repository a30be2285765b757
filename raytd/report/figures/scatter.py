"""Distances under one setting against those under another, pair by pair, with the diagonal."""

from statistics import stdev
from typing import Any

from raytd.report.compare import Comparison
from raytd.report.doubts import listed
from raytd.report.figures.figure import Figure, Kind, slug
from raytd.report.figures.style import FAINT, INK, PAPER, colour, dress, new_figure
from raytd.report.naming import label
from raytd.report.statistics.ties import alike
from raytd.words import counted

_MOST_NAMED = 24
_KIND = Kind(
    "One setting against another",
    "Every point is a pair of tasks, numbered as in the data; bars are standard deviations over "
    "seeds, where there are several. Below the diagonal the setting on the vertical axis has the "
    "smaller number. An empty mark: the pair is doubtful.",
)


def scatter(comparison: Comparison) -> Figure:
    """A point for each pair of tasks; below the diagonal the right setting is the smaller one."""
    one, n = comparison, len(comparison.pairs)
    fixed = [str(v) for c, v in one.fixed.items() if v is not None and c != one.by]
    what = one.quantity
    data = tuple(
        {
            **one.fixed,
            "number": number,
            "source": pair.source,
            "target": pair.target,
            "by": one.by,
            "left": one.left,
            "right": one.right,
            "left_mean": pair.left,
            "left_deviation": _deviation(pair.lefts),
            "right_mean": pair.right,
            "right_deviation": _deviation(pair.rights),
            "n_seeds": len(pair.seeds),
            "arrived": not any(doubt.mark == "A" for doubt in pair.doubts),
            "doubtful": pair.is_doubtful,
            "doubts": "; ".join(doubt.text for doubt in pair.doubts) or None,
        }
        for number, pair in enumerate(one.pairs, start=1)
    )
    name = "-".join(["scatter", one.by, what, str(one.left), str(one.right), *fixed])
    return Figure(
        name=slug(name),
        kind=_KIND,
        heading=f"{what[0].upper()}{what[1:]}: {one.right} against {one.left}"
        + (f" ({', '.join(fixed)})" if fixed else ""),
        caption=_doubtful(one),
        alt=f"Scatter plot with diagonal. {one.n_smaller} of {counted(n, 'pair')} lie below it: "
        f"{what} smaller under {one.right} than under {one.left}."
        + (f" {one.n_equal} lie on it." if one.n_equal else ""),
        data=data,
        draw=lambda: _draw(one, data),
    )


def _doubtful(one: Comparison) -> str:
    """A sentence that names the doubtful pairs; empty without any."""
    pairs = {(p.source, p.target): p.doubts for p in one.pairs if p.is_doubtful}
    return f"Doubtful: {listed(pairs)}." if pairs else ""


def _draw(one: Comparison, data: tuple[dict[str, Any], ...]) -> Any:
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(5.6 if len(data) <= _MOST_NAMED else 3.8, 3.6)
    axes = figure.add_subplot()
    for row in data:
        face = PAPER if row["doubtful"] else colour(0)
        axes.errorbar(
            row["left_mean"],
            row["right_mean"],
            xerr=row["left_deviation"] or None,
            yerr=row["right_deviation"] or None,
            fmt="o",
            color=colour(0),
            markerfacecolor=face,
            markersize=6,
            elinewidth=1,
            zorder=3,
        )
        if len(data) > _MOST_NAMED:
            continue
        place = {"xytext": (5, 4), "textcoords": "offset points", "fontsize": 8, "color": INK}
        axes.annotate(str(row["number"]), (row["left_mean"], row["right_mean"]), **place, zorder=4)
    low, high = _limits(data)
    axes.plot([low, high], [low, high], color=FAINT, linestyle="--", linewidth=1, zorder=1)
    dress(
        axes,
        x=label(str(one.left), one.unit),
        y=label(str(one.right), one.unit),
        title=one.quantity,
    )
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    if len(data) <= _MOST_NAMED:
        key = "\n".join(f"{row['number']:>2}  {row['source']} → {row['target']}" for row in data)
        axes.text(1.04, 1, key, transform=axes.transAxes, va="top", fontsize=8, linespacing=1.5)
    return figure


def _limits(data: tuple[dict[str, Any], ...]) -> tuple[float, float]:
    """A square that holds every point with its bars."""
    ends = [
        row[f"{side}_mean"] + sign * (row[f"{side}_deviation"] or 0.0)
        for row in data
        for side in ("left", "right")
        for sign in (-1, 1)
    ]
    margin = 0.5 if alike(ends) else 0.06 * (max(ends) - min(ends))
    return min(ends) - margin, max(ends) + margin


def _deviation(values: tuple[float, ...]) -> float | None:
    return stdev(values) if len(values) > 1 else None

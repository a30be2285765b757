"""What a method says of every pair against what the truth says."""

from typing import Any

import numpy as np

from raytd.report.doubts import listed
from raytd.report.figures.figure import Figure, Kind, slug
from raytd.report.figures.style import colour, dress, marker, new_figure
from raytd.report.judge.contestants import Contestant
from raytd.report.judge.judging import Verdict
from raytd.report.statistics.ties import levelled
from raytd.words import counted

_KIND = Kind("A method against the truth", "Every point is a pair of tasks, marked by its target.")


def verdict_scatter(verdict: Verdict) -> Figure:
    """A point for each pair of tasks with a number on both sides: means over seeds."""
    contestant, truth = verdict.contestant, verdict.truth
    said, true = (side.values.mean(axis=0) for side in (contestant, truth))
    data = tuple(
        {
            "contestant": contestant.title,
            "truth": truth.title,
            "source": source,
            "target": target,
            "value": float(said[i, j]),
            "true_value": float(true[i, j]),
            "doubts": _words(contestant, truth, (source, target)),
        }
        for i, source in enumerate(truth.tasks)
        for j, target in enumerate(truth.tasks)
        if i != j and np.isfinite(said[i, j] + true[i, j])
    )
    known = {(row["source"], row["target"]) for row in data}
    doubts = {pair: found for pair, found in contestant.doubts.items() if pair in known}
    doubtful = f" Doubtful numbers of {contestant.title}: {listed(doubts)}." if doubts else ""
    rho = verdict.ranks.spearman
    nearer = "smaller is closer" if contestant.smaller_is_closer else "larger is closer"
    agreed = "no evidence" if np.isnan(rho) else f"{rho:.2f}"
    because = f" ({verdict.no_evidence})" if verdict.no_evidence is not None else ""
    return Figure(
        name=slug(f"judge-{contestant.title}-{truth.title}"),
        kind=_KIND,
        heading=f"{contestant.title} against {truth.title}",
        caption=f"Spearman's correlation of closeness with {truth.title}: {agreed}{because}."
        f"{doubtful}",
        alt=f"Scatter plot of {counted(len(data), 'pair')}, {contestant.title} ({nearer}) against "
        f"{truth.title}; rank correlation: {agreed}.",
        data=data,
        draw=lambda: _draw(data, f"{contestant.title} ({nearer})", truth.title, f"ρ = {agreed}"),
    )


def _words(contestant: Contestant, truth: Contestant, pair: tuple[str, str]) -> str | None:
    """What is doubtful about a point, on either side."""
    found = [*contestant.doubts.get(pair, ()), *truth.doubts.get(pair, ())]
    return "; ".join(dict.fromkeys(doubt.text for doubt in found)) or None


def _draw(data: tuple[dict[str, Any], ...], x: str, y: str, title: str) -> Any:
    figure = new_figure(4.6, 3.4)
    axes = figure.add_subplot()
    xs, ys = (levelled([row[side] for row in data]) for side in ("value", "true_value"))
    for index, target in enumerate(dict.fromkeys(row["target"] for row in data)):
        own = [place for place, row in enumerate(data) if row["target"] == target]
        axes.plot(
            xs[own],
            ys[own],
            linestyle="none",
            marker=marker(index),
            color=colour(index),
            markersize=5,
            label=f"to {target}",
        )
    dress(axes, x=x, y=y, title=title)
    if data:
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, frameon=False)
    return figure

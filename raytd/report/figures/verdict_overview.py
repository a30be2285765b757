"""All verdicts of a judge in one picture: who agrees with the truth, and what it costs."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from raytd.report.figures.figure import Figure, Kind, slug
from raytd.report.figures.style import FAINT, INK, PAPER, colour, dress, new_figure
from raytd.report.judge.judging import COVERED, Verdict
from raytd.report.judge.text import verdict_row
from raytd.report.statistics.ties import lowest, named
from raytd.sweep.folder.doubts import MARKS

_LINE_INCHES = 0.24
_DECADES = 30  # times the least, above which powers of ten alone are written
_KIND = Kind(
    "Every method against the truth",
    "Left: rank correlation of closeness with the truth over all pairs; a line is the "
    f"{COVERED:.0%} interval over resampled seeds, a full dot has p < 0.05 by permutation of "
    "tasks, a cross is the same over pairs with disjoint classes alone, and the dotted line is the "
    "ceiling that the reliability of the truth sets. Right: what a trial takes.",
)


def verdict_overview(verdicts: Sequence[Verdict], *, truth: str, column: str) -> Figure:
    """A line for each contestant: Spearman's correlation with its interval, and seconds of a trial.

    Args:
        verdicts: in the order of the table; one panel for each truth.
        truth: the method that is taken for the truth.
        column: of its results; names the figure.
    """
    rows = tuple(verdict_row(verdict) for verdict in verdicts)
    defined = [row for row in rows if row["spearman"] is not None]
    best = lowest(defined, key=lambda row: -float(row["spearman"]))
    who = named([row["contestant"] for row in best]) if best else ""
    said = f"; the highest is {who} at {best[0]['spearman']:.2f}" if best else ""
    blank = [str(row["contestant"]) for row in rows if row["no_evidence"] is not None]
    without = f" There is no evidence about {', '.join(blank)}." if blank else ""
    doubted = [f"{row['contestant']} ({row['doubts']})" for row in rows if row["doubts"]]
    marks = [f"{mark}: {text}" for mark, text in MARKS.items()
             if any(f"{mark} " in row["doubts"] for row in rows if row["doubts"])]  # fmt: skip
    doubts = f" Doubtful pairs: {', '.join(doubted)}; {'; '.join(marks)}." if doubted else ""
    return Figure(
        name=slug("-".join(["judge", truth, *([] if column == "value" else [column])])),
        kind=_KIND,
        heading=f"Every method, judged by {truth}",
        caption=f"{without}{doubts}".strip(),
        alt=f"Rank correlations of {len(rows)} contestants with {truth}{said}.{without}",
        data=rows,
        draw=lambda: _draw(rows),
    )


def _draw(rows: Sequence[dict[str, Any]]) -> Any:
    panels = [(title, list(own)) for title, own in groupby(rows, key=lambda row: row["truth"])]
    lines = [len(own) + 3 for _, own in panels]
    figure = new_figure(7.2, _LINE_INCHES * sum(lines, 2))
    grid = figure.subplots(
        max(1, len(panels)), 2, squeeze=False, sharey="row",
        gridspec_kw={"width_ratios": (3, 1), "height_ratios": lines or [1]},
    )  # fmt: skip
    for (title, own), (agreement, cost) in zip(panels, grid, strict=False):
        _draw_agreement(agreement, own, f"judged by {title}")
        _draw_cost(cost, own)
    return figure


def _draw_agreement(axes: Any, rows: Sequence[dict[str, Any]], title: str) -> None:
    dress(axes, x="Spearman's correlation with the truth", title=title)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    if (ceiling := rows[0]["truth_ceiling"]) is not None:
        axes.axvline(ceiling, color=INK, linewidth=0.8, linestyle=":")
    for place, row in enumerate(rows):
        if row["spearman"] is None:
            axes.text(0, place, "no evidence", ha="center", va="center", fontsize=7, color=INK)
            continue
        if row["spearman_low"] is not None:
            ends = [row["spearman_low"], row["spearman_high"]]
            axes.plot(ends, [place, place], color=INK, linewidth=1.2)
        if row["disjoint_spearman"] is not None and row["n_disjoint"] < row["n_pairs"]:
            axes.plot([row["disjoint_spearman"]], [place], "x", color=colour(1), markersize=4.5)
        p = row["mantel_spearman_p"]
        full = p is not None and p < 0.05  # noqa: PLR2004 - the caption says it
        axes.plot(
            [row["spearman"]], [place], marker="o", markersize=5.5, color=colour(0),
            markerfacecolor=colour(0) if full else PAPER, linestyle="none",
        )  # fmt: skip
    axes.set_xlim(-1.05, 1.05)
    axes.set_yticks(range(len(rows)), [row["contestant"] for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)


def _draw_cost(axes: Any, rows: Sequence[dict[str, Any]]) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    dress(axes, x="seconds of a trial")
    timed = [(row["wall_s"], place) for place, row in enumerate(rows) if (row["wall_s"] or 0) > 0]
    axes.set_xscale("log")
    seconds = [second for second, _ in timed]
    near = bool(seconds) and max(seconds) < _DECADES * min(seconds)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if near else (1,)))
    axes.xaxis.set_major_formatter(lambda second, _: f"{second:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.plot(*zip(*timed, strict=True) if timed else ([], []), "s", color=colour(1), markersize=4)
    axes.tick_params(labelleft=False)

"""Figures of curves: distance over the iterations (4b), losses along the path (4a)."""

from collections.abc import Sequence
from typing import Any

from raytd.report.figures.figure import Data, Figure, Kind, left_out
from raytd.report.figures.style import DASHES, INK, colour, dash, dress, marker, panel_grid
from raytd.report.groups import Axes, Group, groups, mean_curves
from raytd.report.naming import column_label, task_order
from raytd.report.saved import SavedSweep

_MOST_PANELS, _MOST_PAIRS, _MOST_LINES = 6, 12, 4
_ITERATIONS = Axes("iterations", "iteration", ("distance",))
_PATH = Axes("knots", "tau", ("train_loss", "val_loss"))
_CONVERGENCE = Kind(
    "Convergence over the iterations",
    "Distance after each update of the coupling, mean over seeds; iteration 0 is the coupling that "
    "features alone choose. A trial that stopped early counts with its last distance from there "
    "on. Colour and line: source, mark: target. Lines that are flat at the end have converged; one "
    "that still falls or rises has not.",
)
_LOSSES = Kind(
    "Loss along the path",
    "Cross-entropy on the interpolated task, made of training images (solid) and of validation "
    "images (dashed), along the path of the last iteration; mean over seeds. The space between the "
    "two is the generalisation gap, which theorem 4 says is small. A loss that stays high at τ = 1 "
    "belongs to a network that did not arrive.",
)
_LEGEND = {"fontsize": 8, "frameon": False, "title_fontsize": 8}


def convergence(saved: SavedSweep) -> list[Figure]:
    """Distance against the iteration k, a line for each pair; none where there is one iteration."""
    shown = groups(saved.rows, saved.axes)
    curves = [(group, mean_curves(saved, group, _ITERATIONS, hold=True)) for group in shown]
    moving = [(group, curve) for group, curve in curves if any(p["iteration"] for p in curve)]
    if not moving:
        return []
    drawn = moving[:_MOST_PANELS]
    data: Data = tuple(point for _, curve in drawn for point in curve)
    return [
        Figure(
            name="convergence",
            kind=_CONVERGENCE,
            heading="",
            caption=left_out(len(moving), len(drawn), "settings"),
            alt=_moves(data),
            data=data,
            draw=lambda: _draw_convergence(drawn, saved.tasks or tuple(task_order(saved.rows))),
        )
    ]


def losses(saved: SavedSweep) -> list[Figure]:
    """Train and validation loss on the interpolated task along τ, a panel for each pair."""
    shown = groups(saved.rows, saved.axes)
    curves = [(group, mean_curves(saved, group, _PATH, last=True)) for group in shown]
    along = [(group, curve) for group, curve in curves if curve]
    if not along:
        return []
    drawn = along[:_MOST_LINES]
    pairs = list(dict.fromkeys((p["source"], p["target"]) for _, curve in drawn for p in curve))
    kept = pairs[:_MOST_PAIRS]
    data = tuple(p for _, curve in drawn for p in curve if (p["source"], p["target"]) in kept)
    return [
        Figure(
            name="losses",
            kind=_LOSSES,
            heading="",
            caption=" ".join(
                filter(
                    None,
                    (
                        left_out(len(along), len(drawn), "settings"),
                        left_out(len(pairs), len(kept), "pairs"),
                    ),
                )
            ),
            alt=_gaps(data),
            data=data,
            draw=lambda: draw_losses(drawn, kept),
        )
    ]


def _draw_convergence(
    curves: Sequence[tuple[Group, Data | list[Any]]], tasks: Sequence[str]
) -> Any:
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    figure, panels = panel_grid(len(curves), columns=3, size=(3.1, 2.9), x="iteration k")
    for axes, (group, curve) in zip(panels, curves, strict=True):
        for source, target in dict.fromkeys((p["source"], p["target"]) for p in curve):
            own = [p for p in curve if (p["source"], p["target"]) == (source, target)]
            look = {"marker": marker(tasks.index(target)), "markersize": 5}
            look |= _line(tasks.index(source))
            axes.plot([p["iteration"] for p in own], [p["distance"] for p in own], **look)
        dress(axes, title=group.label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.supylabel(column_label("distance"), fontsize=9)
    sources = [t for t in tasks if any(p["source"] == t for _, c in curves for p in c)]
    targets = [t for t in tasks if any(p["target"] == t for _, c in curves for p in c)]
    handles = [Line2D([], [], label=f"from {t}", **_line(tasks.index(t))) for t in sources]
    handles += [
        Line2D([], [], color=INK, marker=marker(tasks.index(t)), linestyle="", label=f"to {t}")
        for t in targets
    ]
    wide = 2 if len(panels) == 1 else 3
    figure.legend(handles=handles, loc="outside lower center", ncols=wide, **_LEGEND)
    return figure


def draw_losses(
    curves: Sequence[tuple[Group, Data | list[Any]]], pairs: Sequence[tuple[str, str]]
) -> Any:
    """Train and validation loss along τ: a panel for each pair, a colour for each group."""
    from matplotlib.lines import Line2D

    columns = 4 if len(pairs) > 6 else 3
    figure, panels = panel_grid(len(pairs), columns=columns, size=(2.6, 2.1), x="τ")
    for axes, (source, target) in zip(panels, pairs, strict=True):
        for index, (_, curve) in enumerate(curves):
            own = [p for p in curve if (p["source"], p["target"]) == (source, target)]
            for y, line in (("train_loss", DASHES[0]), ("val_loss", DASHES[1])):
                xs, values = [p["tau"] for p in own], [p[y] for p in own]
                look = {"color": colour(index), "marker": marker(index), "linestyle": line}
                every = max(1, len(xs) // 5)
                axes.plot(xs, values, **look, markersize=4, linewidth=1.3, markevery=every)
        dress(axes, title=f"{source} → {target}")
        axes.set(xlim=(0, 1), ylim=(0, None), xticks=(0, 0.5, 1))
    figure.supylabel("loss (nats)", fontsize=9)
    handles = [
        Line2D([], [], color=colour(i), marker=marker(i), label=group.label)
        for i, (group, _) in enumerate(curves)
    ] + [
        Line2D([], [], color=INK, linestyle=line, label=words)
        for words, line in (("training images", DASHES[0]), ("validation images", DASHES[1]))
    ]
    wide = min(len(handles), 2 if len(pairs) < 3 else 4)
    figure.legend(handles=handles, loc="outside lower center", ncols=wide, **_LEGEND)
    return figure


def _line(index: int) -> dict[str, Any]:
    return {"color": colour(index), "linestyle": dash(index)}


def _moves(data: Data) -> str:
    first = [p["distance"] for p in data if p["iteration"] == 0]
    final = max(p["iteration"] for p in data)
    last = [p["distance"] for p in data if p["iteration"] == final]
    return (
        f"Line chart. Mean distance {sum(first) / len(first):.3g} at iteration 0, "
        f"{sum(last) / len(last):.3g} at iteration {final}."
    )


def _gaps(data: Data) -> str:
    ends = [p for p in data if p["tau"] == 1]
    if not ends:
        return "Line charts of training and validation loss along the path."
    train, val = (sum(p[y] for p in ends) / len(ends) for y in ("train_loss", "val_loss"))
    return (
        f"Line charts. Where the paths end, the mean loss is {train:.2g} nats on training and "
        f"{val:.2g} on validation images."
    )

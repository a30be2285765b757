"""Results that belong together: one method, model, protocol and setting of every other axis."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from raytd.report.naming import setting
from raytd.report.saved import SavedSweep
from raytd.rows.grouping import PAIR, grouped, varying_within
from raytd.rows.row import Row

_APART = ("method", "model", "protocol")


@dataclass(frozen=True)
class Group:
    """Trials that differ in pair and seed alone.

    Attributes:
        label: what tells them from the other groups.
        fixed: the axes and their settings.
        rows: of results.parquet, those that have a result.
    """

    label: str
    fixed: Mapping[str, Any]
    rows: tuple[Row, ...]


def groups(rows: Iterable[Row], axes: Sequence[str]) -> list[Group]:
    """The groups of all results, as they first appear."""
    done = [row for row in rows if row.get("status", "done") == "done"]
    columns = [c for c in dict.fromkeys((*_APART, *axes)) if c != "seed"]
    telling = varying_within(done, "method", columns)
    found = grouped(done, columns)
    settings = [dict(zip(columns, key, strict=True)) for key in found]
    return [
        Group(
            _label(fixed, telling[fixed["method"]], named=len(telling) > 1),
            {c: v for c, v in fixed.items() if v is not None},
            tuple(own),
        )
        for fixed, own in zip(settings, found.values(), strict=True)
    ]


@dataclass(frozen=True)
class Axes:
    """What is drawn of a table beside each result.

    Attributes:
        table: such as `iterations`.
        x: its column along the curve.
        ys: its columns that are averaged; points where one is missing are left out.
    """

    table: str
    x: str
    ys: tuple[str, ...]


def mean_curves(
    saved: SavedSweep, group: Group, axes: Axes, *, last: bool = False, hold: bool = False
) -> list[dict[str, Any]]:
    """The curves of each pair, mean over seeds: a row for each pair and point.

    Args:
        saved: the sweep.
        group: whose curves.
        axes: what is drawn.
        last: take the last iteration alone.
        hold: a curve that ends before the others of its pair keeps its last values, so that the
            mean is over the same seeds everywhere.
    """
    pairs = {
        pair: [c for row in rows if (c := _curve(saved.curve(row, axes.table), axes, last=last))]
        for pair, rows in grouped(group.rows, PAIR).items()
    }
    return [
        {
            **group.fixed,
            "source": source,
            "target": target,
            axes.x: at,
            **{
                y: fmean(values)
                for y, values in zip(axes.ys, zip(*found, strict=True), strict=True)
            },
            "n_seeds": len(found),
        }
        for (source, target), curves in pairs.items()
        for at, found in _points(curves, hold=hold)
    ]


def _curve(
    points: Sequence[Mapping[str, Any]], axes: Axes, *, last: bool
) -> dict[Any, list[float]]:
    final = max((point["iteration"] for point in points), default=None)
    return {
        point[axes.x]: [float(point[y]) for y in axes.ys]
        for point in points
        if (not last or point["iteration"] == final)
        and all(point.get(y) is not None for y in axes.ys)
    }


def _points(
    curves: Sequence[Mapping[Any, list[float]]], *, hold: bool
) -> Iterator[tuple[Any, list[list[float]]]]:
    for at in sorted({at for curve in curves for at in curve}):
        found = [curve[at] for curve in curves if at in curve]
        if hold:
            found += [curve[max(curve)] for curve in curves if max(curve) < at]
        yield at, found


def _label(fixed: Mapping[str, Any], telling: Sequence[str], *, named: bool) -> str:
    method = [str(fixed["method"])] if named else []
    model = [str(fixed["model"])] if fixed.get("model") is not None else []
    others = [c for c in telling if c != "model" and fixed[c] is not None]
    words = [*method, *model, *(f"{c} {setting(fixed[c])}" for c in others)]
    return ", ".join(words) or str(fixed["method"])

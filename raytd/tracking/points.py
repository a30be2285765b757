"""Points of curves, before any server knows of them."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_PLACE = frozenset({"knot", "iteration"})


@dataclass(frozen=True)
class Point:
    """One number of one curve; a curve has at most one number per step."""

    curve: str
    step: int
    value: float


def numbers(row: Mapping[str, Any], *, without: Iterable[str] = ()) -> dict[str, float]:
    """The numeric figures of a row; a fact becomes 0 or 1."""
    left_out = set(without)
    return {
        name: float(value)
        for name, value in row.items()
        if name not in left_out and isinstance(value, int | float)
    }


def finite(metrics: Mapping[str, float | None]) -> Iterator[tuple[str, float]]:
    """The metrics that a curve can show: trackers turn an infinity into 1.8e308."""
    for name, value in metrics.items():
        if value is not None and math.isfinite(value):
            yield name, float(value)


def iteration_points(iteration: int, metrics: Mapping[str, float]) -> list[Point]:
    """One point per metric, at the step of the outer iteration."""
    return [Point(name, iteration, value) for name, value in finite(metrics)]


def knot_points(iteration: int, knots: Sequence[Mapping[str, float]]) -> list[Point]:
    """The curves `knots.*` over all iterations, one iteration behind the other.

    The step is `iteration · (M + 1) + knot`, so that an iteration starts at a multiple of M + 1
    and one chart shows how the whole trajectory changes from iteration to iteration. M is the
    largest knot of these rows, the same in every iteration of a trial.
    """
    if not knots:
        return []
    stride = 1 + max(int(row["knot"]) for row in knots)
    return [
        Point(f"knots.{name}", iteration * stride + int(row["knot"]), value)
        for row in knots
        for name, value in finite(row)
        if name not in _PLACE
    ]

"""Which numbers are the same but for their rounding: all that ranks or compares asks here.

Two numbers are a tie where they differ by no more than 1e-9 of the larger one, or by no more than
1e-12. A float64 sum over a million terms is good to about 1e-10 of its size, and what two methods
or two seeds really say apart is many times 1e-9. The second bound is for what is left of numbers
of order one that cancel, such as a gain of accuracy of 3e-17.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RELATIVE = 1e-9
"""Of the larger of two numbers, the largest difference that is a tie."""

ABSOLUTE = 1e-12
"""The largest difference that is a tie whatever the numbers are."""

_Item = TypeVar("_Item")


def order(a: float, b: float) -> int:
    """-1 where a is the smaller one, 1 where it is the larger one, 0 where they tie."""
    return 0 if abs(a - b) <= _width(a, b) else (-1 if a < b else 1)


def levelled(values: npt.ArrayLike) -> Floats:
    """The same numbers with ties made equal, so that ranks, maxima and counts treat them as one.

    From the smallest number upwards, every number takes the value of the smallest one that it ties
    with. A group is thus never wider than one tie: a long row of numbers, each a little larger than
    the one before, is not drawn together. Two neighbours on either side of a group's end stay
    apart, though they tie. Numbers are finite, or NaN, which stays what it is.
    """
    found = np.array(values, dtype=np.float64)
    flat = found.reshape(-1)
    places = np.argsort(flat, kind="stable")
    places = places[: np.count_nonzero(~np.isnan(flat))]
    ordered = flat[places]
    near = np.diff(ordered) <= np.maximum(RELATIVE * _larger(ordered), ABSOLUTE)
    if not near.any():
        return found
    level = ordered[0]
    for place, value in zip(places, ordered, strict=True):
        if value - level > _width(value, level):
            level = value
        flat[place] = level
    return found


def alike(values: npt.ArrayLike) -> bool:
    """Whether all numbers tie, so that nothing can be ranked by them; so do none, and one."""
    flat = levelled(values).reshape(-1)
    known = flat[~np.isnan(flat)]
    return bool(known.size == 0 or (known == known[0]).all())


def lowest(items: Iterable[_Item], key: Callable[[_Item], float]) -> list[_Item]:
    """The items of the smallest number: several where they tie; in their order."""
    listed = list(items)
    levels = levelled([key(item) for item in listed])
    return [item for item, level in zip(listed, levels, strict=True) if level == levels.min()]


def sorted_by(items: Iterable[_Item], key: Callable[[_Item], float]) -> list[tuple[int, _Item]]:
    """Items from the smallest number on, each with its rank from 1; ties share one, in their order.

    Items whose number is NaN come last, and share a rank.
    """
    listed = list(items)
    levels = np.nan_to_num(levelled([key(item) for item in listed]), nan=np.inf)
    places = np.argsort(levels, kind="stable")
    return [(1 + int((levels < levels[place]).sum()), listed[place]) for place in places]


def named(tied: Sequence[Any]) -> str:
    """The first of several that tie, and how many more there are."""
    more = len(tied) - 1
    return str(tied[0]) if not more else f"{tied[0]} and {more} more that tie"


def _width(a: float, b: float) -> float:
    """The largest difference of two numbers that is a tie."""
    return max(RELATIVE * max(abs(a), abs(b)), ABSOLUTE)


def _larger(ordered: Floats) -> Floats:
    """Of every two neighbours the larger size."""
    sizes = np.abs(ordered)
    larger: Floats = np.maximum(sizes[:-1], sizes[1:])
    return larger

"""Which settings of an axis are compared with which."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

from raytd.errors import RequestError
from raytd.rows.row import Row
from raytd.sweep.document.wording import did_you_mean

_ALWAYS = ("method", "model", "seed", "weights", "protocol")
_REFERENCE = "uncoupled"
"""The method that others are held against, where it is there."""


def levels(rows: Sequence[Row], by: str, *, axes: Iterable[str] = ()) -> list[Any]:
    """The settings of an axis as they first appear; numbers in their order.

    Raises:
        RequestError: in one line, if there is no such axis, or it has one setting.
    """
    known = list(dict.fromkeys((*_ALWAYS, *axes)))
    if by not in known:
        have = [axis for axis in known if len(_settings(rows, axis)) > 1]
        there = f"axes with several settings: {', '.join(have) or 'none'}"
        raise RequestError(f"--by {by}: not an axis; {there}{did_you_mean(by, known)}")
    found = _settings(rows, by)
    if len(found) < 2:
        one = f"has one setting ({found[0]})" if found else "has no setting"
        have = [axis for axis in known if len(_settings(rows, axis)) > 1]
        hint = f"; several have {', '.join(have)}" if have else ""
        raise RequestError(
            f"--by {by}: {by} {one} in the results, so there is nothing to compare{hint}"
        )
    return found


def chosen_pairs(
    found: Sequence[Any], *, named: Sequence[str] = (), every: bool = False
) -> list[tuple[Any, Any]]:
    """The left and right settings of every comparison: each other one against the first.

    Args:
        found: all settings of the axis.
        named: those to take, as the user writes them, the reference first; all if empty.
        every: each pair of settings instead.

    Raises:
        RequestError: with every name that is no setting.
    """
    words = {str(level): level for level in found} | {
        f"{level:g}": level for level in found if isinstance(level, float)
    }
    if unknown := [name for name in named if name not in words]:
        there = ", ".join(map(str, found))
        raise RequestError(
            [f"no setting '{n}'; there are {there}{did_you_mean(n, words)}" for n in unknown]
        )
    taken = list(dict.fromkeys(words[name] for name in named)) or list(found)
    if len(taken) < 2:
        raise RequestError(f"one setting, {taken[0]}; a comparison needs two")
    return list(combinations(taken, 2)) if every else [(taken[0], other) for other in taken[1:]]


def _settings(rows: Sequence[Row], axis: str) -> list[Any]:
    found = [v for v in dict.fromkeys(row.get(axis) for row in rows) if v is not None]
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in found):
        return sorted(found)
    return sorted(found, key=lambda v: v != _REFERENCE) if axis == "method" else found

"""What a reader must know before believing that one number is smaller than another.

What is doubtful about either number alone is said in `raytd.sweep.folder.doubts`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, stdev

from raytd.report.statistics.ties import order
from raytd.rows.row import Row, cell, number
from raytd.sweep.folder.doubts import MARKS as ROW_MARKS
from raytd.sweep.folder.doubts import Doubt, row_doubts

MARKS = {
    **ROW_MARKS,
    "P": "protocols differ, so that the lengths are not on one scale",
    "N": "the noise is larger than the difference",
    "U": "the numbers have different units",
}
"""What the marks beside a pair mean."""

_MOST_NAMED = 5


_VERBS = {"A": "", "G": "has a ", "W": "has the ", "C": "has a ", "M": "was "}
"""What stands between the name of a setting and the doubt of its row."""


def doubts(
    lefts: Sequence[Row], rights: Sequence[Row], value: str, *, names: tuple[str, str]
) -> Iterator[Doubt]:
    """What is doubtful about one pair of tasks.

    Args:
        lefts: results under the left setting, one per seed.
        rights: those under the right setting, seed by seed.
        value: the column that is compared.
        names: what the settings are called.
    """
    left, right = (_alone(rows) for rows in (lefts, rights))
    for mark in ROW_MARKS:
        if mark in left and left[mark] == right.get(mark):
            yield Doubt(mark, f"both sides: {left[mark]}")
            continue
        for name, own in zip(names, (left, right), strict=True):
            if mark in own:
                yield Doubt(mark, f"{name} {_VERBS[mark]}{own[mark]}")
    protocols = {(a.get("protocol"), b.get("protocol")) for a, b in zip(lefts, rights, strict=True)}
    for ours, theirs in sorted(map(_words, protocols)):
        if ours != theirs:
            yield Doubt("P", f"protocols {ours} and {theirs}")
    units = dict.fromkeys(str(row.get("unit")) for row in (*lefts, *rights))
    if value == "value" and len(units) > 1:
        yield Doubt("U", f"units {' and '.join(units)}")
    yield from _noise(lefts, rights, value)


def listed(pairs: Mapping[tuple[str, str], Sequence[Doubt]]) -> str:
    """The doubtful pairs with what is the matter, the first few by name; empty without any."""
    named = [
        f"{source} → {target} ({', '.join(doubt.text for doubt in found)})"
        for (source, target), found in pairs.items()
    ]
    more = f", and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return ", ".join(named[:_MOST_NAMED]) + more


def _alone(rows: Sequence[Row]) -> dict[str, str]:
    """What is doubtful about the numbers of one setting, by mark, with the seeds it concerns."""
    found: dict[str, list[tuple[Row, str]]] = {}
    for row in rows:
        for doubt in row_doubts(row):
            found.setdefault(doubt.mark, []).append((row, doubt.text))
    return {mark: own[0][1] + _seeds([row for row, _ in own]) for mark, own in found.items()}


def _noise(lefts: Sequence[Row], rights: Sequence[Row], value: str) -> Iterator[Doubt]:
    """Where seeds scatter more than the difference, or the noise of SGD leaves more than it."""
    differences = [
        float(cell(b, value)) - float(cell(a, value)) for a, b in zip(lefts, rights, strict=True)
    ]
    size = abs(fmean(differences))
    scatter = stdev(differences) if len(differences) > 1 else 0.0
    if order(scatter, size) > 0:
        yield Doubt("N", f"differences {size:.2g} ± {scatter:.2g} from seed to seed")
    errors = [number(row, "noise_free_error") for row in (*lefts, *rights)]
    known = [error for error in errors if error is not None]
    if value == "noise_free_length" and len(known) == len(errors):
        error = math.sqrt(sum(e**2 for e in known)) / len(differences)
        if order(error, size) > 0:
            yield Doubt("N", f"difference {size:.2g}, its error from the noise of SGD {error:.2g}")


def _seeds(rows: Sequence[Row]) -> str:
    seeds = [str(row["seed"]) for row in rows if row.get("seed") is not None]
    if not seeds:
        return ""
    return f" (seed {seeds[0]})" if len(seeds) == 1 else f" (seeds {', '.join(seeds)})"


def _words(protocols: tuple[object, object]) -> tuple[str, str]:
    return str(protocols[0]), str(protocols[1])

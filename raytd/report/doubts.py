"""What a reader must know before believing that one number is smaller than another."""

import math
from collections.abc import Iterator, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from raytd.report.rows import Row, denied, number

MARKS = {
    "A": "a model did not arrive, so that its path may be short because it stopped following",
    "P": "protocols differ, so that the lengths are not on one scale",
    "N": "the noise is larger than the difference",
    "U": "the numbers have different units",
}
"""What the marks beside a pair mean."""

_NOISE_FREE = ("noise_free_length", "noise_free_three_scale")


class Doubt(NamedTuple):
    """One reason for doubt: its mark, and what is the matter here in words."""

    mark: str
    text: str


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
    for name, rows in zip(names, (lefts, rights), strict=True):
        if lost := [row for row in rows if denied(row, "arrived")]:
            yield Doubt("A", f"{name} did not arrive{_seeds(lost)}")
    protocols = {(a.get("protocol"), b.get("protocol")) for a, b in zip(lefts, rights, strict=True)}
    for ours, theirs in sorted(map(_words, protocols)):
        if ours != theirs:
            yield Doubt("P", f"protocols {ours} and {theirs}")
    units = {str(row.get("unit")) for row in (*lefts, *rights)}
    if value == "value" and len(units) > 1:
        yield Doubt("U", f"units {' and '.join(sorted(units))}")
    yield from _noise(lefts, rights, value)


def _noise(lefts: Sequence[Row], rights: Sequence[Row], value: str) -> Iterator[Doubt]:
    """Where seeds scatter more than the difference, or the noise of SGD leaves more than it."""
    differences = [float(b[value]) - float(a[value]) for a, b in zip(lefts, rights, strict=True)]
    size = abs(fmean(differences))
    scatter = stdev(differences) if len(differences) > 1 else 0.0
    if scatter > size:
        yield Doubt("N", f"differences {size:.2g} ± {scatter:.2g} from seed to seed")
    errors = [number(row, "noise_free_error") for row in (*lefts, *rights)]
    known = [error for error in errors if error is not None]
    if value in _NOISE_FREE and len(known) == len(errors):
        error = math.sqrt(sum(e**2 for e in known)) / len(differences)
        if error > size:
            yield Doubt("N", f"difference {size:.2g}, its error from the noise of SGD {error:.2g}")


def _seeds(rows: Sequence[Row]) -> str:
    seeds = [str(row["seed"]) for row in rows if row.get("seed") is not None]
    if not seeds:
        return ""
    return f" (seed {seeds[0]})" if len(seeds) == 1 else f" (seeds {', '.join(seeds)})"


def _words(protocols: tuple[object, object]) -> tuple[str, str]:
    return str(protocols[0]), str(protocols[1])

"""What a report says of a sweep as a whole: its facts, and what to know before believing it."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from raytd.report.page.words import name, names
from raytd.report.saved import SavedSweep
from raytd.rows.grouping import grouped
from raytd.rows.row import Row, number
from raytd.sweep.folder.doubts import row_doubts
from raytd.words import counted

_MOST_NAMED = 5
_FIGURE = re.compile(r"(?<![\w'])\d[\d.,]*(?:e[-+]?\d+)?(?![\w'])")
"""A number that stands by itself; those in names of tasks and models do not."""
_KINDS = {
    "A": "did not arrive; the path may be short because the network stopped following",
    "G": "with a source that is no better than guessing; what starts from it says nothing",
    "W": "with a source that has the same weights as another; one of them is not its own",
    "C": "with a coupling that did not converge",
    "M": "still moving; the last iteration changed the distance by more than the tolerance",
}
"""What is said of the trials that have a mark."""

_OF_SOURCE = ("G", "W")
"""Marks that belong to a source, whatever its target."""


class Finding(NamedTuple):
    """Something to know before believing a number: in short, and in full."""

    short: str
    text: str


def in_short(saved: SavedSweep) -> str:
    """What was run, in one line."""
    done = [row for row in saved.rows if row.get("status") == "done"]
    kinds = {"method": "method", "model": "network", "seed": "seed"}
    counts = [
        counted(len({row.get(column) for row in done} - {None}), noun)
        for column, noun in kinds.items()
        if done
    ]
    return ", ".join([_ended(saved), counted(len(saved.tasks), "task"), *counts])


def _ended(saved: SavedSweep) -> str:
    failed = sum(row.get("status") == "failed" for row in saved.rows)
    done = sum(row.get("status") == "done" for row in saved.rows)
    text = f"{done:,} of {counted(saved.n_trials, 'trial')} done"
    text += f", {failed} failed" if failed else ""
    return text + (f", {saved.n_missing} not ended" if saved.n_missing else "")


def key_facts(saved: SavedSweep) -> list[tuple[str, str]]:
    """Name of each fact, and its text as a part of the page."""
    plural = {"method": "methods", "model": "networks", "seed": "seeds"}
    settings = {axis: _held(saved.rows, axis) for axis in (*plural, *saved.axes)}
    facts = [("trials", _ended(saved)), ("tasks", names(saved.tasks))]
    facts += [(plural.get(axis, axis), names(held)) for axis, held in settings.items() if held]
    return [*facts, *_protocols(saved.rows)]


def _protocols(rows: Iterable[Row]) -> list[tuple[str, str]]:
    """Which methods were run under which protocol."""
    found = grouped([row for row in rows if row.get("protocol") is not None], ("protocol",))
    said = [f"{name(key)} ({names(_held(own, 'method'))})" for (key,), own in found.items()]
    return [("protocols", "; ".join(said))] if said else []


def findings(saved: SavedSweep) -> list[Finding]:
    """What to know before believing a number of the sweep."""
    rows = [row for row in saved.rows if row.get("status") == "done"]
    failed = [row for row in saved.rows if row.get("status") == "failed"]
    doubted = {mark: [row for row in rows if mark in _marks(row)] for mark in _KINDS}
    kinds = {"failed": failed, **{_KINDS[mark]: found for mark, found in doubted.items()}}
    of_source = {_KINDS[mark] for mark in _OF_SOURCE}
    found = [
        _count(own, len(saved.rows), what, of_source=what in of_source)
        for what, own in kinds.items()
        if own
    ]
    if saved.n_missing:
        short = f"{saved.n_missing} of {counted(saved.n_trials, 'trial')} have not ended"
        found.append(Finding(short, f"{short}; the figures show what there is"))
    protocols = {row.get("protocol"): None for row in rows if number(row, "distance") is not None}
    if len(protocols) > 1:
        short = f"lengths of {len(protocols)} protocols must not be compared"
        found.append(
            Finding(
                short,
                f"{len(protocols)} protocols ({', '.join(map(str, protocols))}): their raw lengths "
                "are on different scales, stand in different matrices, and must not be compared; "
                "noise-free lengths move less",
            )
        )
    if rows and len({row.get("seed") for row in rows}) == 1:
        short = "one seed"
        found.append(Finding(short, f"{short}: nothing is known of how much the numbers scatter"))
    return found + _warnings(rows)


def _warnings(rows: Iterable[Row]) -> list[Finding]:
    """What the trials were warned of, once where only its figures differ."""
    warned = [str(row["warnings"]) for row in rows if row.get("warnings")]
    kinds: dict[str, dict[str, None]] = {}
    for text in warned:
        kinds.setdefault(_FIGURE.sub("", text), {})[text] = None
    short = f"{counted(len(warned), 'trial')} with warnings"
    return [
        Finding(
            short,
            first
            if not more
            else f"{first} (and {counted(len(more), 'time')} more with other figures)",
        )
        for first, *more in map(list, kinds.values())
    ]


def _marks(row: Row) -> set[str]:
    return {doubt.mark for doubt in row_doubts(row)}


def _count(rows: list[Row], n: int, what: str, *, of_source: bool) -> Finding:
    """How many trials of n, and the first of them, or of their sources, by name."""
    ends = [row["source"] if of_source else f"{row['source']} → {row['target']}" for row in rows]
    places = [f"({row['model']}, seed {row['seed']})" for row in rows]
    named = list(dict.fromkeys(f"{e} {place}" for e, place in zip(ends, places, strict=True)))
    more = f", and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    text = f"{len(rows)} of {counted(n, 'trial')} {what}"
    return Finding(text.split(";")[0], f"{text}: {', '.join(named[:_MOST_NAMED])}{more}")


def _held(rows: Iterable[Row], column: str) -> list[object]:
    """The values of a column that are there, as they first appear."""
    return [*dict.fromkeys(v for row in rows if (v := row.get(column)) is not None)]

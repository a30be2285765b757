"""What a report says of a sweep as a whole: its facts, and what to know before believing it."""

import re
from collections.abc import Iterable

from raytd.report.saved import SavedSweep
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


def key_facts(saved: SavedSweep) -> list[tuple[str, str]]:
    """Name and text of each fact."""
    rows = saved.rows
    done = sum(row.get("status") == "done" for row in rows)
    counts = f"{done} of {saved.n_trials} done"
    if failed := sum(row.get("status") == "failed" for row in rows):
        counts += f", {failed} failed"
    if saved.n_missing:
        counts += f", {saved.n_missing} not ended"
    named = ("method", "model", "seed", "protocol", *saved.axes)
    settings = [(axis, _listed(row.get(axis) for row in rows)) for axis in named]
    plural = {"method": "methods", "model": "models", "seed": "seeds", "protocol": "protocols"}
    facts = [("trials", counts), ("tasks", ", ".join(saved.tasks))]
    return facts + [(plural.get(axis, axis), text) for axis, text in settings if text]


def findings(saved: SavedSweep) -> list[str]:
    """What to know before believing a number of the sweep, one line each."""
    rows = [row for row in saved.rows if row.get("status") == "done"]
    failed = [row for row in saved.rows if row.get("status") == "failed"]
    doubted = {mark: [row for row in rows if mark in _marks(row)] for mark in _KINDS}
    kinds = {"failed": failed, **{_KINDS[mark]: found for mark, found in doubted.items()}}
    of_source = {_KINDS[mark] for mark in _OF_SOURCE}
    lines = [
        _count(found, len(saved.rows), what, of_source=what in of_source)
        for what, found in kinds.items()
        if found
    ]
    if saved.n_missing:
        trials = counted(saved.n_trials, "trial")
        lines.append(
            f"{saved.n_missing} of {trials} have not ended; the figures show what there is"
        )
    protocols = {row.get("protocol") for row in rows if number(row, "distance") is not None}
    if len(protocols) > 1:
        lines.append(
            f"{len(protocols)} protocols ({_listed(protocols)}): their raw lengths are "
            "on different scales, stand in different figures, and must not be compared; "
            "noise-free lengths move less"
        )
    if rows and len({row.get("seed") for row in rows}) == 1:
        lines.append("one seed: nothing is known of how much the numbers scatter")
    return lines + _warnings(rows)


def _warnings(rows: Iterable[Row]) -> list[str]:
    """What the trials were warned of, once where only its figures differ."""
    kinds: dict[str, dict[str, None]] = {}
    for text in (str(row["warnings"]) for row in rows if row.get("warnings")):
        kinds.setdefault(_FIGURE.sub("", text), {})[text] = None
    return [
        first if not more else f"{first} (and {counted(len(more), 'time')} more with other figures)"
        for first, *more in map(list, kinds.values())
    ]


def _marks(row: Row) -> set[str]:
    return {doubt.mark for doubt in row_doubts(row)}


def _count(rows: list[Row], n: int, what: str, *, of_source: bool) -> str:
    """How many trials of n, and the first of them, or of their sources, by name."""
    ends = [row["source"] if of_source else f"{row['source']} → {row['target']}" for row in rows]
    places = [f"({row['model']}, seed {row['seed']})" for row in rows]
    names = list(dict.fromkeys(f"{e} {place}" for e, place in zip(ends, places, strict=True)))
    more = f", and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{len(rows)} of {counted(n, 'trial')} {what}: {', '.join(names[:_MOST_NAMED])}{more}"


def _listed(values: Iterable[object]) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values if value is not None))

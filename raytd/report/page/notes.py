"""The end of the page: the trials, what to know before believing a number, and the settings."""

from collections.abc import Sequence
from html import escape
from typing import Any

from raytd.methods.registry import COLUMNS
from raytd.report.comparison_text import HOW, document
from raytd.report.naming import heading, trial_columns, trial_figure
from raytd.report.page.findings import Finding, key_facts
from raytd.report.page.tables import table
from raytd.report.page.words import folded, items, prose
from raytd.report.saved import SavedSweep
from raytd.report.terminal import notes
from raytd.rows.grouping import varying
from raytd.rows.row import cell
from raytd.words import counted


def trials_section(saved: SavedSweep) -> str:
    """Every trial that has ended, folded."""
    if not saved.rows:
        return "<p>No trial has ended.</p>"
    return folded(f"Show {counted(len(saved.rows), 'trial')}", _trials(saved))


def notes_section(
    saved: SavedSweep, found: Sequence[Finding], known: Sequence[str], *, compares: bool
) -> str:
    """What to know before believing a number, and what the sweep was.

    Args:
        saved: the sweep.
        found: what was found about its numbers.
        known: names of tasks and methods.
        compares: whether the page compares networks.
    """
    said = items(prose(one.text, known) for one in found)
    facts = "".join(f"<dt>{escape(title)}</dt><dd>{text}</dd>" for title, text in key_facts(saved))
    return (
        (f"<h3>Before believing a number</h3>{said}" if said else "")
        + f"<h3>The sweep</h3><dl>{facts}</dl>"
        + (_reading() if compares else "")
    )


def _trials(saved: SavedSweep) -> str:
    telling = varying(saved.rows, [*dict.fromkeys(("method", "model", "seed", *saved.axes))])
    telling += varying([r for r in saved.rows if r.get("status") == "done"], ["protocol"])
    shown = trial_columns(saved.rows)
    head = ["source", "target", *telling, *(heading(saved.rows, c) for c in shown), "notes"]
    rows = [
        [str(row["source"]), str(row["target"]), *(_plain(cell(row, c)) for c in telling)]
        + [COLUMNS[column].show(trial_figure(row, column)) for column in shown]
        + ["; ".join(notes(row))]
        for row in saved.rows
    ]
    first = 2 + len(telling)
    return table(counted(len(rows), "trial"), head, rows, numeric=range(first, first + len(shown)))


def _reading() -> str:
    lines = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}.</dd>" for k, v in HOW.items())
    level = document([])["confidence"]
    return f"<h3>How networks are compared</h3><p>Intervals: {level:.0%}.</p><dl>{lines}</dl>"


def _plain(value: Any) -> str:
    return "–" if value is None else str(value)

"""One self-contained HTML page: works offline, loads nothing, escapes everything."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from raytd.report.compare import Comparison
from raytd.report.judge.judging import Verdict
from raytd.report.page.answer import answer_section
from raytd.report.page.evidence import evidence_section
from raytd.report.page.findings import Finding, findings, in_short
from raytd.report.page.matrices import Scale, matrices_section
from raytd.report.page.notes import notes_section, trials_section
from raytd.report.page.pictures import Picture
from raytd.report.page.style import STYLE
from raytd.report.page.words import prose
from raytd.report.recommend.recommendation import Recommendation
from raytd.report.saved import SavedSweep
from raytd.rows.row import cell

_NAMED = ("method", "model")
"""Columns of names that stay whole in a text."""


@dataclass(frozen=True)
class Content:
    """What the page shows.

    Attributes:
        saved: the sweep.
        advice: a recommendation for each target that has several sources.
        scales: the matrices, those on one scale together.
        judged: verdicts on every method; none where no truth was measured.
        comparisons: along the model axis, where there are several models.
        pictures: that of the verdicts first, if there are verdicts.
    """

    saved: SavedSweep
    advice: Sequence[Recommendation]
    scales: Sequence[Scale]
    judged: Sequence[Verdict]
    comparisons: Sequence[Comparison]
    pictures: Sequence[Picture]


def page(content: Content) -> str:
    """The report of a sweep: the answer, then what it rests on; the same results, the same text."""
    saved = content.saved
    known = [*saved.tasks, *{str(cell(row, column)) for row in saved.rows for column in _NAMED}]
    doubts = findings(saved)
    found = {
        "Nearest sources": _before_believing(doubts, known) + answer_section(content.advice, known),
        "Matrices": matrices_section(content.scales),
        "Evidence": evidence_section(content.judged, content.comparisons, content.pictures, known),
        "Trials": trials_section(saved),
        "Notes": notes_section(saved, doubts, known, compares=bool(content.comparisons)),
    }
    shown = {heading: body for heading, body in found.items() if body}
    body = _header(saved, shown) + "\n".join(_section(*one) for one in shown.items())
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(saved.name)}: raytd report</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _header(saved: SavedSweep, headings: Iterable[str]) -> str:
    links = "".join(f'<a href="#{_id(heading)}">{heading}</a>' for heading in headings)
    told = f" {saved.description}" if saved.description else ""
    return (
        f"<header><h1>{escape(saved.name)}</h1>"
        f'<nav aria-label="sections">{links}</nav><p class="soft">{escape(in_short(saved))}.'
        f"{escape(told)}</p></header>"
    )


def _section(heading: str, body: str) -> str:
    return f'<section id="{_id(heading)}"><h2>{heading}</h2>{body}</section>'


def _id(heading: str) -> str:
    return heading.split()[-1].lower()


def _before_believing(doubts: Sequence[Finding], known: Sequence[str]) -> str:
    """That there is something to know, in a line that leads to it."""
    if not doubts:
        return ""
    said = dict.fromkeys(one.short for one in doubts)
    return (
        f'<p class="note"><a href="#notes">Before believing a number</a>: '
        f"{'; '.join(prose(short, known) for short in said)}.</p>"
    )

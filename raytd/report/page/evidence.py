"""The evidence: methods against the truth, networks against one another, curves and maps."""

from collections.abc import Sequence
from html import escape
from itertools import groupby

from raytd.report.compare import Comparison
from raytd.report.comparison_text import (
    compared,
    digits,
    doubt_lines,
    marks,
    summary,
    with_margin,
    with_range,
)
from raytd.report.judge.judging import Verdict
from raytd.report.judge.text import legend, verdicts_table
from raytd.report.page.pictures import Picture, pictures
from raytd.report.page.tables import from_terminal, table
from raytd.report.page.words import folded, items, prose


def evidence_section(
    judged: Sequence[Verdict],
    comparisons: Sequence[Comparison],
    shown: Sequence[Picture],
    known: Sequence[str],
) -> str:
    """Everything that speaks for the answer or against it; empty without any.

    Args:
        judged: verdicts on every method.
        comparisons: along the model axis.
        shown: the pictures, that of the verdicts first if there are verdicts.
        known: names of tasks and methods.
    """
    n_first = 1 if judged else 0
    parts = [
        pictures(shown[:n_first]),
        *(_verdicts(list(own), known) for _, own in groupby(judged, key=lambda v: v.truth.title)),
        *(_comparison(one, known) for one in comparisons),
        pictures(shown[n_first:]),
    ]
    body = "".join(parts)
    return f'<div class="kinds">{body}</div>' if body else ""


def _verdicts(judged: Sequence[Verdict], known: Sequence[str]) -> str:
    """The verdicts of one truth as a table, with what its columns mean."""
    lines = items(prose(line.strip(), known) for line in legend(judged))
    shown = from_terminal(verdicts_table(judged)) + folded("What the columns mean", lines)
    return f"<section>{shown}</section>"


def _comparison(one: Comparison, known: Sequence[str]) -> str:
    head = ["source", "target", str(one.left), str(one.right), "difference", "ratio", "notes"]
    rows = [
        [pair.source, pair.target, digits(pair.left), digits(pair.right)]
        + [with_margin(pair), with_range(pair.ratio, pair.ratio_interval), marks(pair)]
        for pair in one.pairs
    ]
    notes = items(escape(line.strip()) for line in doubt_lines(one))
    return (
        f"<section><h3>Compared: {escape(compared(one))}</h3>"
        + items(prose(line, known) for line in summary(one))
        + folded("Pair by pair", table("Pair by pair", head, rows, numeric=range(2, 6)) + notes)
        + "</section>"
    )

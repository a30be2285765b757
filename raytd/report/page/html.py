"""One self-contained HTML page: works offline, loads nothing, escapes everything."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from raytd.methods.registry import COLUMNS
from raytd.report.compare import Comparison
from raytd.report.comparison_text import (
    HOW,
    compared,
    digits,
    document,
    doubt_lines,
    marks,
    summary,
    with_margin,
    with_range,
)
from raytd.report.figures.figure import Figure
from raytd.report.naming import heading, trial_columns, trial_figure
from raytd.report.page.findings import findings, key_facts
from raytd.report.saved import SavedSweep
from raytd.report.terminal import notes
from raytd.rows.grouping import varying
from raytd.rows.row import cell
from raytd.words import counted

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff; margin: 0 auto;
  max-width: 72rem; padding: 1.5rem; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccc; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: bold; padding: .5rem 0; }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; vertical-align: top; }
thead th { border-bottom: 2px solid #1b1b1b; } tbody tr { border-bottom: 1px solid #e3e3e3; }
tbody th { font-weight: normal; white-space: nowrap; }
.n { text-align: right; } td.n { white-space: nowrap; }
figure { margin: 2rem 0; } figure img { max-width: 100%; height: auto; }
figcaption { max-width: 48rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; }
dt { font-weight: bold; } dd { margin: 0; }
.warnings { border-left: .4rem solid #b34700; padding: .25rem 1rem; background: #fff6ee; }
"""


def page(
    saved: SavedSweep, comparisons: Sequence[Comparison], figures: Sequence[tuple[Figure, bytes]]
) -> str:
    """The report of a sweep; the same results give the same text.

    Args:
        saved: the sweep.
        comparisons: along the model axis, where there are several models.
        figures: with their SVG.
    """
    parts = [
        f"<h1>{escape(saved.name)}</h1>",
        f"<p>{escape(saved.description)}</p>" if saved.description else "",
        _facts(key_facts(saved)),
        _warnings(findings(saved)),
        "".join(_comparison(one) for one in comparisons),
        '<h2 id="figures">Figures</h2>' if figures else "",
        *(_figure(figure, svg) for figure, svg in figures),
        '<h2 id="trials">Trials</h2>',
        _trials(saved),
        _reading() if comparisons else "",
    ]
    body = "\n".join(part for part in parts if part)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(saved.name)}: distances between tasks</title>\n"
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts)
    return f"<dl>{items}</dl>"


def _warnings(lines: Sequence[str]) -> str:
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return (
        '<section class="warnings" aria-labelledby="warnings"><h2 id="warnings">Before believing a '
        f"number</h2><ul>{items}</ul></section>"
    )


def _comparison(one: Comparison) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in summary(one))
    head = ["source", "target", str(one.left), str(one.right), "difference", "ratio", "notes"]
    rows = [
        [pair.source, pair.target, digits(pair.left), digits(pair.right)]
        + [with_margin(pair), with_range(pair.ratio, pair.ratio_interval), marks(pair)]
        for pair in one.pairs
    ]
    legend = "".join(f"<li>{escape(line.strip())}</li>" for line in doubt_lines(one))
    return (
        f"<h2>Compared: {escape(compared(one))}</h2><ul>{lines}</ul>"
        + _table("Pair by pair", head, rows, numeric=range(2, 6))
        + (f"<p>Notes:</p><ul>{legend}</ul>" if legend else "")
    )


def _figure(figure: Figure, svg: bytes) -> str:
    image = base64.b64encode(svg).decode()
    return (
        f'<figure id="{escape(figure.name)}"><h3>{escape(figure.heading)}</h3>'
        f'<img alt="{escape(figure.alt)}" src="data:image/svg+xml;base64,{image}">'
        f"<figcaption>{escape(figure.caption)} Data: {escape(figure.name)}.csv.</figcaption>"
        "</figure>"
    )


def _trials(saved: SavedSweep) -> str:
    if not saved.rows:
        return "<p>No trial has ended.</p>"
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
    return _table(counted(len(rows), "trial"), head, rows, numeric=range(first, first + len(shown)))


def _reading() -> str:
    items = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}.</dd>" for k, v in HOW.items())
    level = document([])["confidence"]
    return f"<h2>How the comparison is made</h2><p>Intervals: {level:.0%}.</p><dl>{items}</dl>"


def _table(
    title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: range
) -> str:
    """A table with a caption, a header for each column, and the pair as header of each row."""
    look = ['class="n"' if i in numeric else "" for i in range(len(head))]

    def cell(index: int, text: str) -> str:
        if index < 2:
            return f'<th scope="row">{escape(text)}</th>'
        return f"<td {look[index]}>{escape(text)}</td>"

    heads = "".join(
        f'<th scope="col" {own}>{escape(text)}</th>' for own, text in zip(look, head, strict=True)
    )
    lines = "".join(f"<tr>{''.join(cell(i, t) for i, t in enumerate(row))}</tr>" for row in rows)
    return (
        f'<div class="wide" tabindex="0"><table><caption>{escape(title)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _plain(value: Any) -> str:
    return "–" if value is None else str(value)

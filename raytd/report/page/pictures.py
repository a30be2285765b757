"""Pictures of the page, those that are read alike together, with their numbers to take along."""

import base64
import re
from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from raytd.report.csv_text import as_csv
from raytd.report.figures.figure import Figure
from raytd.report.page.schemes import in_both

Picture = tuple[Figure, bytes]
"""A figure, and its SVG."""

_WIDE = 620
"""Points above which a picture has a line of the page for itself."""


def pictures(shown: Iterable[Picture]) -> str:
    """The pictures, kind by kind: how it is read, then each with what is its own."""
    parts = []
    for kind, own in groupby(shown, key=lambda one: one[0].kind):
        figures = list(own)
        drawn = "".join(_picture(figure, svg) for figure, svg in figures)
        parts.append(
            f"<section{_look(figures)}><h3>{escape(kind.heading)}</h3>"
            f'<p class="text">{escape(kind.reading)}</p><div class="figures">{drawn}</div>'
            "</section>"
        )
    return "".join(parts)


def data_link(figure: Figure) -> str:
    """A link to the numbers of a figure, which the page carries."""
    content = base64.b64encode(as_csv(figure.data).encode()).decode()
    file = escape(f"{figure.name}.csv")
    return f'<a download="{file}" href="data:text/csv;base64,{content}">numbers (CSV)</a>'


def _picture(figure: Figure, svg: bytes) -> str:
    image = base64.b64encode(in_both(svg)).decode()
    width = _width(svg)
    heading = f"<h4>{escape(figure.heading)}</h4>" if figure.heading else ""
    caption = f"{escape(figure.caption)} " if figure.caption else ""
    return (
        f'<figure id="{escape(figure.name)}"{_look([(figure, svg)])}>{heading}'
        f'<div class="wide" tabindex="0"><img alt="{escape(figure.alt)}" '
        f'style="--own:{width:.0f}pt" src="data:image/svg+xml;base64,{image}"></div>'
        f"<figcaption>{caption}{data_link(figure)}</figcaption></figure>"
    )


def _look(own: Sequence[Picture]) -> str:
    """Several pictures, and a wide one, have the width of the page."""
    return ' class="full"' if len(own) > 1 or _width(own[0][1]) > _WIDE else ""


def _width(svg: bytes) -> float:
    """Of a picture, in points."""
    found = re.search(rb'<svg[^>]* width="([\d.]+)pt"', svg)
    assert found is not None  # matplotlib writes it
    return float(found[1])

"""The matrices as tables whose cells have the colours of the pictures."""

from collections.abc import Sequence
from html import escape
from math import isnan
from typing import Any, NamedTuple

from raytd.report.errors import written
from raytd.report.figures.figure import Figure
from raytd.report.figures.heatmap import MATRICES
from raytd.report.figures.near_far import colour_scale, ends, number_format, readable_on
from raytd.report.matrices import DistanceMatrix
from raytd.report.page.pictures import data_link
from raytd.report.page.words import items, name
from raytd.report.terminal import legend

_LONG = 7
"""Letters of a target above which its heading stands upright."""

_STEPS = 9
Scale = tuple[Sequence[DistanceMatrix], Figure]
"""Matrices on one scale, and the picture of them."""


class Look(NamedTuple):
    """How the numbers of one scale are shown: their colours, and their format."""

    colours: Any
    digits: str


def matrices_section(scales: Sequence[Scale]) -> str:
    """The matrices of each quantity, those on one scale together, with how to read them said once.

    Args:
        scales: in the order of the page.
    """
    if not scales:
        return ""
    every = [matrix for panels, _ in scales for matrix in panels]
    shared = set.intersection(*(set(matrix.details) for matrix in every))
    said = [f"<b>{line[:2].strip()}</b> {escape(line[2:].strip())}" for line in legend(every)]
    parts = [
        f"<h3>{escape(quantity[0].upper() + quantity[1:])}</h3>"
        f'<div class="scales">{"".join(_scale(*one, shared=shared) for one in own)}</div>'
        for quantity, own in _by_quantity(scales).items()
    ]
    return (
        f'<p class="text">{escape(MATRICES.reading)} '
        f"Matrices on one scale share its ruler and can be compared cell by cell.</p>"
        f"{items(said)}{''.join(parts)}"
    )


def _by_quantity(scales: Sequence[Scale]) -> dict[str, list[Scale]]:
    found: dict[str, list[Scale]] = {}
    for one in scales:
        found.setdefault(one[0][0].quantity, []).append(one)
    return found


def _scale(panels: Sequence[DistanceMatrix], figure: Figure, *, shared: set[str]) -> str:
    look = Look(colour_scale(panels), number_format(ends(panels)))
    tables = "".join(f"<div>{_table(matrix, look, shared)}</div>" for matrix in panels)
    left_out = f" {escape(figure.caption)}" if figure.caption else ""
    return (
        f'<section id="{escape(figure.name)}"><div class="panels">{tables}</div>'
        f'<p class="soft">{_ruler(panels, look)}{left_out} {data_link(figure)}</p></section>'
    )


def _ruler(panels: Sequence[DistanceMatrix], look: Look) -> str:
    """The colours from near to far, with the numbers at their ends."""
    low, high = ends(panels)
    near, far = (high, low) if panels[0].is_score else (low, high)
    steps = [look.colours.to_rgba(near + (far - near) * i / (_STEPS - 1)) for i in range(_STEPS)]
    unit = "" if panels[0].unit is None else f" {escape(panels[0].unit)}"
    colours = ", ".join(map(_css, steps))
    return (
        f'near {near:{look.digits}} <span class="ruler" style="background:linear-gradient(90deg, '
        f'{colours})"></span> far {far:{look.digits}}{unit}'
    )


def _table(matrix: DistanceMatrix, look: Look, shared: set[str]) -> str:
    own = [detail for detail in matrix.details if detail not in shared]
    upright = ' class="tall"' if max(map(len, matrix.targets)) > _LONG else ""
    heads = "".join(
        f'<th scope="col"><div{upright}>{escape(target)}</div></th>' for target in matrix.targets
    )
    rows = "".join(
        f'<tr><th scope="row">{escape(source)}</th>'
        + "".join(_cell(matrix, look, row, column) for column in range(len(matrix.targets)))
        + "</tr>"
        for row, source in enumerate(matrix.sources)
    )
    title = ", ".join([name(matrix.method), *map(name, own)])
    return (
        f'<div class="wide" tabindex="0"><table class="matrix"><caption>{title} '
        f'<span class="soft">{escape(_unit(matrix))}{matrix.seeds}</span></caption>'
        f'<thead><tr><td><span class="hidden">source, by target</span></td>{heads}'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(matrix: DistanceMatrix, look: Look, row: int, column: int) -> str:
    source, target = matrix.sources[row], matrix.targets[column]
    value = float(matrix.values[row, column])
    if isnan(value):
        if source == target:
            return '<td class="self"><span class="hidden">same task</span></td>'
        return '<td class="none"><span class="hidden">no result</span></td>'
    colour = look.colours.to_rgba(value)
    marks, error = matrix.marks(row, column), written(matrix, row, column)
    doubts = "; ".join(doubt.text for doubt in matrix.doubts.get((source, target), ()))
    told = escape(f"{source} → {target}" + (f": {doubts}" if doubts else ""))
    return (
        f'<td style="background:{_css(colour)};color:{readable_on(colour)}" title="{told}">'
        f"{value:{look.digits}}"
        + (f"<sup>{marks}</sup>" if marks else "")
        + (f"<small>{error.replace(' ', '')}</small>" if error else "")
        + "</td>"
    )


def _unit(matrix: DistanceMatrix) -> str:
    return "" if matrix.unit is None else f"{matrix.unit}, "


def _css(colour: Sequence[float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour[:3])

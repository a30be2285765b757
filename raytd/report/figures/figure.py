"""A figure of a report: its picture, the numbers in it, and what to see there."""

import hashlib
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from warnings import catch_warnings, simplefilter, warn_explicit

from raytd.report.csv_text import as_csv
from raytd.storage.files import write_bytes
from raytd.storage.path import StoragePath

Data = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Kind:
    """Figures that are read alike.

    Attributes:
        heading: that stands above all of them.
        reading: how they are made and what to look for. It is said once for all of them.
    """

    heading: str
    reading: str


@dataclass(frozen=True)
class Figure:
    """One picture with its data.

    Attributes:
        name: of its files, without ending.
        kind: how it is read.
        heading: what it shows; empty where it is the only one of its kind.
        caption: what is true of it alone, in sentences; empty if nothing is.
        alt: what a reader who cannot see it must know.
        data: every number that is drawn, a row for each mark.
        draw: makes matplotlib's figure; nothing is drawn before.
    """

    name: str
    kind: Kind
    heading: str
    caption: str
    alt: str
    data: Data
    draw: Callable[[], Any]


def save_figure(figure: Figure, folder: StoragePath) -> list[StoragePath]:
    """Writes a figure as PNG and SVG, and its data as CSV; returns the files.

    The same figure gives the same bytes.

    Raises:
        StorageError: the folder cannot be written.
    """
    paths = [folder / f"{figure.name}.{ending}" for ending in ("png", "svg", "csv")]
    drawn = figure.draw()
    contents = (picture(drawn, "png"), picture(drawn, "svg"), as_csv(figure.data).encode())
    for path, content in zip(paths, contents, strict=True):
        write_bytes(path, content)
    return paths


def picture(drawn: Any, form: Literal["png", "svg"]) -> bytes:
    """The bytes of a matplotlib figure, without version, date or random names.

    A figure whose long names leave no room for its axes is made larger.
    """
    for _ in range(_ENLARGED):
        with catch_warnings(record=True) as found:
            simplefilter("always")
            content = _saved(drawn, form)
        if not any(_NO_ROOM in str(warning.message) for warning in found):
            for each in found:
                warn_explicit(each.message, each.category, each.filename, each.lineno)
            return content
        drawn.set_size_inches(*(1.5 * size for size in drawn.get_size_inches()))
    return _saved(drawn, form)


def _saved(drawn: Any, form: Literal["png", "svg"]) -> bytes:
    from matplotlib import rc_context

    metadata = {"Software": None} if form == "png" else {"Date": None, "Creator": None}
    content = io.BytesIO()
    with rc_context({"svg.hashsalt": "raytd", "svg.fonttype": "path"}):
        drawn.savefig(content, format=form, bbox_inches="tight", pad_inches=0.12, metadata=metadata)
    return content.getvalue()


_ENLARGED = 4
"""How often a figure is made half as large again, until long names leave room for its axes."""

_LONGEST_NAME = 150
"""Bytes of a file's name without its ending: file systems take 255, and some of them fewer."""

_NO_ROOM = "constrained_layout not applied"
"""What matplotlib warns of then."""


def left_out(n: int, n_shown: int, what: str) -> str:
    """A sentence that says what is not shown; empty if nothing is."""
    return f"The first {n_shown} of {n} {what} are shown." if n > n_shown else ""


def slug(text: str) -> str:
    """A text as part of a file's name; a long one is cut, and told from others by its digest."""
    name = re.sub(r"[^\w.]+", "-", text).strip("-").lower()
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{name.encode()[: _LONGEST_NAME - 9].decode(errors='ignore')}-{digest}"

"""Names as they were written, where YAML reads another kind of value.

YAML takes a class called `1_0` for the number 10, and `00000` for 0. Where a sweep file wants text,
what was written counts, with or without quotes.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from pydantic import BaseModel

from raytd.sweep.document.yaml_data import Document, Entry, KeyPath
from raytd.sweep.file.spec import SECTIONS, Choices, Label, SearchConfig
from raytd.tasks.spec import TaskSpec

_KINDS = {bool: "boolean", int: "integer", float: "number", type(None): "null"}
"""JSON Schema's names of the kinds that YAML reads."""

_NOTHING = ("null", "~")
_UNREAD = object()
"""Stands for a number that the document refuses, such as one that is too large."""


def with_texts(document: Document) -> Document:
    """The document with what was written where text is wanted.

    What YAML has against a value there, such as that a number is too large, is no problem then.
    """
    taken: set[KeyPath] = set()
    root = _written(document.root, (), taken)
    return replace(
        document, root=root, findings=tuple(f for f in document.findings if f.path not in taken)
    )


def _written(entry: Entry, path: KeyPath, taken: set[KeyPath]) -> Entry:
    if isinstance(entry.value, dict):
        inner = {k: _written(e, (*path, k), taken) for k, e in entry.value.items()}
        return Entry(inner, entry.at)
    if isinstance(entry.value, list):
        items = [_written(e, (*path, i), taken) for i, e in enumerate(entry.value)]
        return Entry(items, entry.at)
    own = path[2:] if path[:1] == ("profiles",) else path
    if entry.text is None:
        return entry
    is_unread = entry.value is None and entry.text.lower() not in _NOTHING
    if not _is_text(own, _UNREAD if is_unread else entry.value):
        return entry
    taken.add(path)
    return Entry(entry.text, entry.at)


def _is_text(path: KeyPath, value: Any) -> bool:
    """Whether text is wanted at a path, and nothing of the kind that YAML read."""
    match path:
        case ("tasks" | "methods", int()) | ("tasks", int(), "classes", int()):
            return True
        case ("pairs", int() | "from" | "to", int()):
            return True
        case ("profile",):
            return value is not None
        case ("tasks", int(), str(key)):
            return _takes_text(TaskSpec, key, value)
        case ("search", str(key)):
            return _takes_text(SearchConfig, key, value)
        case ("grid", *axis, int()) | ("search", "space", *axis, "choice", int()):
            return _axis_takes_text(axis, value)
        case ("where", int(), "when" | "set", *axis):
            return _axis_takes_text([part for part in axis if isinstance(part, str)], value)
    return _axis_takes_text(path, value) or _takes_text(Label, ".".join(map(str, path)), value)


def _axis_takes_text(axis: Any, value: Any) -> bool:
    """Whether the key of a section, or one outside of them, takes text and not the value."""
    *section, key = (str(part) for part in axis) if axis else ("",)
    model = SECTIONS.get(".".join(section)) if section else Choices
    return model is not None and _takes_text(model, key, value)


def _takes_text(model: type[BaseModel], key: str, value: Any) -> bool:
    """Nothing at all is no text: `name: null` leaves the name out."""
    kinds = _kinds(model).get(key, frozenset())
    return value is not None and "string" in kinds and _KINDS.get(type(value)) not in kinds


@cache
def _kinds(model: type[BaseModel]) -> Mapping[str, frozenset[str]]:
    """The kinds of value that each key takes; a choice of fixed words is no text."""
    properties = model.model_json_schema()["properties"]
    return {
        key: frozenset(
            way.get("type", "")
            for way in schema.get("anyOf", [schema])
            if not {"enum", "const"} & way.keys()
        )
        for key, schema in properties.items()
    }

"""The JSON Schema of sweep files, for editors, made from the models that check them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from raytd.engine.config import Settings
from raytd.sweep.layout import (
    FIXED,
    SECTIONS,
    Choices,
    Condition,
    Label,
    SearchConfig,
    SweepSpec,
    axis_keys,
)
from raytd.tasks.catalogue import CATALOGUE
from raytd.tasks.spec import TaskSpec

Schema = dict[str, Any]

_SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}
_ENDS: Schema = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
_TEXTUAL = {"classes", "size", "channels"}
"""Keys of a task that accept more forms than their types say."""


def sweep_schema() -> Schema:
    """The schema of a sweep file, draft 7, which editors know best.

    It says of a file what can be said without its data and the cluster: keys with what they mean,
    types, ranges and choices. Dotted keys are as good as nested ones.
    """
    keys = _keys()
    inner = {"type": ["object", "null"], "properties": _dotted(keys), "additionalProperties": False}
    profile = {"description": "auto (the default), none, or the name of a profile."}
    profiles = {
        "description": "Variants of the file: what each lays over it.",
        "type": ["object", "null"],
        "additionalProperties": {"$ref": "#/definitions/profile"},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "raytd sweep",
        "type": "object",
        "properties": {**_dotted(keys), "profile": profile, "profiles": profiles},
        "patternProperties": {r"^profiles\.[^.]+$": {"$ref": "#/definitions/profile"}},
        "additionalProperties": False,
        "definitions": {"profile": inner, "task": _task()},
    }


def _keys() -> dict[str, Schema]:
    """What may stand at the top of a file, nested."""
    told = {**_told(SweepSpec), **_told(Choices), **_told(Label)}
    keys: dict[str, Schema] = {}
    for model in (Label, Choices):
        keys |= {name: _field(field, told.get(name)) for name, field in model.model_fields.items()}
    keys["tasks"] = {
        "description": "Names of the catalogue, or definitions.",
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": [_examples(CATALOGUE), {"$ref": "#/definitions/task"}]},
    }
    keys["pairs"] = _pairs()
    keys["methods"] = _methods()
    for name, model in SECTIONS.items():
        keys[name] = _section(model)
    keys["grid"] = _over_axes(lambda schema: {"type": ["array", "null"], "items": schema}, "grid")
    keys["where"] = _where()
    keys["search"] = _search()
    return keys


def _section(model: type[Settings]) -> Schema:
    """A section with its keys."""
    told = _told(model)
    keys = {name: _field(field, told.get(name)) for name, field in model.model_fields.items()}
    return _mapping(keys, _first_line(model))


def _task() -> Schema:
    told = _told(TaskSpec)
    keys = {
        name: {} if name in _TEXTUAL else _field(field, None)
        for name, field in TaskSpec.model_fields.items()
    }
    side = {"type": "integer", "minimum": 1}
    pair = {"type": "array", "items": side, "minItems": 2, "maxItems": 2}
    words = {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1}
    keys["classes"] = {"anyOf": [words, {"type": "null"}]}
    keys["size"] = {"anyOf": [side, pair, {"type": "null"}]}
    keys["channels"] = {"enum": [1, 3, None]}
    for name in keys:
        keys[name] = {"description": told[name], **keys[name]}
    return _mapping(keys, _first_line(TaskSpec)) | {"type": "object", "required": ["name"]}

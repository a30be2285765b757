"""The JSON Schema of sweep files, for editors, made from the models that check them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from raytd.methods.registry import METHODS
from raytd.sweep.document.profiles import AUTO, NONE
from raytd.sweep.file.search import KINDS
from raytd.sweep.file.spec import SECTIONS, Choices, Condition, Label, SearchConfig, axis_keys
from raytd.tasks.catalogue import CATALOGUE
from raytd.tasks.spec import TaskSpec

Schema = dict[str, Any]


def sweep_schema() -> Schema:
    """The schema of a sweep file, draft 7, which editors know best.

    It says what can be said of a file without its data and the cluster: keys and what they mean,
    types, ranges, choices. Dotted keys are as good as nested ones. Required keys are left to the
    program, because a profile or `--set` may give them.
    """
    keys = _keys()
    shared = {name: schema for name, schema in keys.items() if "properties" in schema}
    once = dict(_dotted(keys)) | {name: _ref(f"section {name}") for name in shared}
    profile = _closed(once, "Laid over the file: mappings are merged, all else is replaced.")
    top = _closed(
        {
            **once,
            "profile": {
                "description": f"{AUTO} (the default), {NONE}, or the name of a profile.",
                "type": ["string", "null"],
            },
            "profiles": {
                "description": "Variants of the file; auto takes `cpu` where there is no GPU.",
                "type": ["object", "null"],
                "additionalProperties": _ref("profile"),
            },
        },
        "A sweep of raytd.",
    )
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **top,
        "type": "object",
        "patternProperties": {r"^profiles\.[^.]+$": _ref("profile")},
        "definitions": {
            "profile": profile,
            **{f"section {name}": schema for name, schema in shared.items()},
            **_definitions(),
        },
    }


def _definitions() -> Schema:
    """Every key of every model once, by its dotted name, and a task."""
    models: dict[str, type[BaseModel]] = {"": Choices, **SECTIONS}
    keys = {
        f"{section}.{name}".removeprefix("."): schema
        for section, model in models.items()
        for name, schema in _fields(model).items()
    }
    task = _closed(_fields(TaskSpec), _first_line(TaskSpec))
    keys |= {f"axes {form}": _over_axes(begins, "") for form, begins in _FORMS.items()}
    for axis in axis_keys():
        # null takes an axis away that a file has
        keys[f"values {axis}"] = {"anyOf": [_listed(_ref(axis)), {"type": "null"}]}
        keys[f"some {axis}"] = {"anyOf": [_ref(axis), _listed(_ref(axis))]}
        keys[f"space {axis}"] = _distribution(_ref(axis))
    return keys | {
        "task": task | {"type": "object", "required": ["name"]},
        "ends": _listed({"type": "number"}) | {"minItems": 2, "maxItems": 2},
    }


def _keys() -> Schema:
    """What may stand at the top of a file and in a profile, nested."""
    keys = _fields(Label) | {name: _ref(name) for name in Choices.model_fields}
    for name, model in SECTIONS.items():
        own = {key: _ref(f"{name}.{key}") for key in model.model_fields}
        keys[name] = _mapping(own, _first_line(model))
    names = {"anyOf": [{"enum": list(CATALOGUE)}, {"type": "string"}]}
    return keys | {
        "tasks": {
            "description": "Names of the catalogue, or definitions.",
            **_listed({"anyOf": [names, _ref("task")]}),
        },
        "pairs": _pairs(),
        "methods": {
            "description": "Distances to compute.",
            **_listed({"enum": list(METHODS)}),
            "uniqueItems": True,
        },
        "grid": _over_axes("values ", "Every combination of these values is a cell."),
        "where": _conditions(),
        "search": _search(),
    }


def _pairs() -> Schema:
    end = {"anyOf": [_listed({"type": "string"}), {"type": "null"}]}
    ends = {"from": end, "to": end}
    pair = _listed({"type": "string"}) | {"minItems": 2, "maxItems": 2}
    return {
        "description": "Source and target of each distance.",
        "anyOf": [
            {"enum": ["all", None]},
            _listed(pair),
            _mapping(ends, "Every source with every target; one of the two alone means all others.")
            | {"anyOf": [{"required": [e], "properties": {e: {"type": "array"}}} for e in ends]},
        ],
    }


def _conditions() -> Schema:
    meanings = told(Condition)
    keys = {
        "when": _axes("some", meanings["when"]),
        "set": _axes("one", meanings["set"]),
    }
    item = _mapping(keys, _first_line(Condition)) | {"required": list(keys)}
    return {"description": _first_line(Condition), "type": ["array", "null"], "items": item}


def _search() -> Schema:
    keys = _fields(SearchConfig)
    keys["space"] = _axes("space", told(SearchConfig)["space"])
    return _mapping(keys, _first_line(SearchConfig))


def _distribution(ref: Schema) -> Schema:
    """One kind with its ends or choices."""
    kinds = {name: _listed(ref) if name == "choice" else _ref("ends") for name in KINDS}
    return {
        "type": "object",
        "properties": kinds,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def _listed(items: Schema) -> Schema:
    return {"type": "array", "items": items, "minItems": 1}


_FORMS = {"one": "", "some": "some ", "space": "space "}
"""What may stand beside an axis, and how the definitions of that begin."""


def _axes(form: str, description: str) -> Schema:
    """A mapping whose keys are axes, defined once for all places that have it."""
    return {"description": description, "allOf": [_ref(f"axes {form}")]}


def _over_axes(form: str, description: str) -> Schema:
    """A mapping whose keys are axes, nested by section; `form` begins their definitions' names."""
    keys: Schema = {}
    inner: dict[str, Schema] = {}
    for axis in axis_keys():
        section, _, name = axis.rpartition(".")
        (inner.setdefault(section, {}) if section else keys)[name] = _ref(f"{form}{axis}")
    return _mapping(keys | {name: _mapping(own, "") for name, own in inner.items()}, description)


def _mapping(keys: Mapping[str, Schema], description: str) -> Schema:
    """A mapping with these keys and no others, nested or dotted."""
    return _closed(dict(_dotted(keys)), description)


def _closed(keys: Mapping[str, Schema], description: str) -> Schema:
    return {
        **({"description": description} if description else {}),
        "type": ["object", "null"],
        "properties": dict(keys),
        "additionalProperties": False,
    }


def _dotted(keys: Mapping[str, Schema]) -> Iterable[tuple[str, Schema]]:
    for name, schema in keys.items():
        yield name, schema
        for inner, below in schema.get("properties", {}).items():
            yield f"{name}.{inner}", below


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _fields(model: type[BaseModel]) -> Schema:
    """The keys of a model, with what its docstring says of them."""
    meanings, properties = told(model), model.model_json_schema().get("properties", {})
    return {
        name: {**({"description": meanings[name]} if name in meanings else {}), **_untitled(schema)}
        for name, schema in properties.items()
    }


def _untitled(schema: Any) -> Any:
    """Without the titles that pydantic makes of names."""
    if isinstance(schema, dict):
        return {key: _untitled(inner) for key, inner in schema.items() if key != "title"}
    return [_untitled(inner) for inner in schema] if isinstance(schema, list) else schema


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]


def told(model: type[BaseModel]) -> dict[str, str]:
    """What a description, or the section Attributes of a docstring or of a base's, says by key."""
    docs = [kind.__doc__ or "" for kind in reversed(model.__mro__)]
    attributes = "\n".join(doc.partition("Attributes:\n")[2] for doc in docs)
    entries = re.findall(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", attributes, re.MULTILINE)
    said = {name: " ".join(text.split()) for name, text in entries}
    found = {key: f.description or said.get(key, "") for key, f in model.model_fields.items()}
    return {key: meaning for key, meaning in found.items() if meaning}

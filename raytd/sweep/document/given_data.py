"""A sweep that is given as data, such as a dict of a notebook, instead of a file."""

from collections.abc import Mapping
from io import BytesIO
from os import PathLike, fspath
from typing import Any

from ruamel.yaml import YAML

from raytd.errors import RequestError
from raytd.sweep.document.yaml_data import Document, Entry, KeyPath, Position


def document_of(content: Mapping[str, Any], caller: str) -> Document:
    """The document that data stand for, and the text of a sweep file that says the same.

    Args:
        content: keys and values of a sweep file, dotted or nested. Tuples are lists, paths are
            text, and a number of NumPy is a number.
        caller: what problems name as their place.

    Raises:
        RequestError: in one line for each value that no sweep file can have.
    """
    problems: list[str] = []
    plain = _plain(content, (), problems)
    if problems:
        raise RequestError([f"{caller} {problem}" for problem in problems])
    text = BytesIO()
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.sort_base_mapping_type_on_output = False, False
    yaml.dump(plain, text)
    return Document(Entry.of(plain, Position(caller)), text=text.getvalue())


def _plain(value: Any, path: KeyPath, problems: list[str]) -> Any:
    """The value in the types that YAML has."""
    if isinstance(value, Mapping):
        return {str(key): _plain(own, (*path, str(key)), problems) for key, own in value.items()}
    if isinstance(value, list | tuple | range):
        return [_plain(own, (*path, number), problems) for number, own in enumerate(value)]
    if isinstance(value, PathLike):
        return fspath(value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if callable(as_python := getattr(value, "tolist", None)):  # arrays and numbers of NumPy
        return _plain(as_python(), path, problems)
    from raytd.sweep.document.wording import shown

    kind = type(value).__name__
    problems.append(f"{shown(path)}  is of type {kind}; give text, numbers, lists and mappings")
    return None

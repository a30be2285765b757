"""YAML as plain data that knows where each value stands.

The text is composed into YAML's own nodes and copied into `Entry` trees, so that a key's position
survives profiles and overrides. A dotted key is the same as nested keys, everywhere.
"""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from raytd.errors import RequestError, first_line
from raytd.sweep.document.reading import content_of

KeyPath = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_TEXT = {_TAG + "str", _TAG + "timestamp"}
_CONSTRUCTED = {_TAG + kind for kind in ("null", "bool", "int", "float")}
_QUOTES = "; put text that begins with such a sign in quotes"
_MAX_DEPTH = 30
_TOO_LARGE = 2**53
_MAX_ENTRIES = 20_000
"""Far above any sweep file; aliases of aliases could otherwise expand without end."""


@dataclass(frozen=True)
class Position:
    """Where something was written: how that prints, and its rank in the order of reports."""

    text: str
    rank: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Finding:
    """One problem: the key path that it concerns, and what is wrong in words."""

    path: KeyPath
    message: str
    at: Position | None = None


@dataclass(frozen=True)
class Entry:
    """A value with the position of its key, or of itself where it is an item of a list.

    Attributes:
        value: a mapping or list of entries, or a scalar.
        at: where it was written.
        text: what was written, where that is no text to YAML: `1_0` of the number 10.
    """

    value: Any
    at: Position
    text: str | None = None

    @staticmethod
    def of(value: Any, at: Position) -> "Entry":
        """Plain data whose every part has the same position; dotted keys become nested ones."""
        if isinstance(value, Mapping):
            root: dict[str, Entry] = {}
            for key, inner in value.items():
                _graft(root, str(key).split("."), Entry.of(inner, at))
            return Entry(root, at)
        if isinstance(value, list | tuple):
            return Entry([Entry.of(inner, at) for inner in value], at)
        return Entry(value, at)

    def plain(self) -> Any:
        """The value without positions."""
        if isinstance(self.value, dict):
            return {key: entry.plain() for key, entry in self.value.items()}
        if isinstance(self.value, list):
            return [entry.plain() for entry in self.value]
        return self.value

    def overlaid(self, other: "Entry") -> "Entry":
        """This entry with `other` laid over it: mappings are merged, all else is replaced."""
        if not (isinstance(self.value, dict) and isinstance(other.value, dict)):
            return other
        merged = dict(self.value)
        for key, entry in other.value.items():
            merged[key] = merged[key].overlaid(entry) if key in merged else entry
        return Entry(merged, self.at)

    def without(self, *keys: str) -> "Entry":
        """This mapping without some of its keys."""
        return Entry({k: e for k, e in self.value.items() if k not in keys}, self.at)

    def find(self, path: KeyPath) -> "Entry | None":
        """The entry at a key path, None where there is none."""
        found = [self, *self._along(path)]
        return found[-1] if len(found) == len(path) + 1 else None

    def position(self, path: KeyPath) -> Position:
        """Where `path` was written, or its nearest parent that was."""
        return [self, *self._along(path)][-1].at

    def _along(self, path: KeyPath) -> Iterable["Entry"]:
        entry = self
        for part in path:
            value = entry.value
            is_key = isinstance(value, dict) and part in value
            is_index = isinstance(value, list) and isinstance(part, int) and part < len(value)
            if not (is_key or is_index):
                return
            entry = value[part]
            yield entry


@dataclass(frozen=True)
class Document:
    """What a text holds, and what is wrong with the text itself."""

    root: Entry
    findings: tuple[Finding, ...] = ()
    text: bytes = b""
    """As it was read."""


def read_document(path: Path) -> Document:
    """Reads a YAML file, or standard input where the path is `-`.

    Raises:
        RequestError: if there is no such file, or its text is not YAML.
    """
    try:
        content = content_of(path)
        text = TextIOWrapper(BytesIO(content), encoding="utf-8-sig").read()
        return replace(_Reader(str(path), None).read(text), text=content)
    except OSError as error:
        raise RequestError(f"{path}  cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RequestError(f"{path}  is not a text file in UTF-8") from error
    except _NotYamlError as error:
        raise RequestError(f"{error.at.text}  {error}") from error


def read_override(text: str, number: int) -> Document:
    """Reads one `key.path=value`; its positions print as the option that gave it."""
    key, equals, value = text.partition("=")
    key = key.strip()
    parts = key.split(".")
    at = Position(f"--set {key}", (1, number))
    if not equals or not all(parts):
        finding = Finding((), "must have the form key.path=value", at)
        return Document(Entry({}, at), (finding,))
    try:
        document = _Reader(at.text, at).read(value)
    except _NotYamlError as error:
        return Document(Entry({}, at), (Finding((), str(error), at),))
    root: dict[str, Entry] = {}
    _graft(root, parts, Entry(document.root.value, at, document.root.text))
    findings = (Finding((*parts, *f.path), f.message, at) for f in document.findings)
    return Document(Entry(root, at), tuple(findings))


class _NotYamlError(Exception):
    """A text that is not YAML, with the position where that shows."""

    def __init__(self, at: Position, message: str) -> None:
        super().__init__(message)
        self.at = at


class _Reader:
    """Copies YAML's nodes into entries.

    Args:
        source: what the text comes from, to begin each position.
        fixed: the position of everything in it, for a text that has no lines of its own.
    """

    def __init__(self, source: str, fixed: Position | None) -> None:
        self._source, self._fixed = source, fixed
        self._yaml = YAML(typ="safe", pure=True)
        self._yaml.max_depth = _MAX_DEPTH
        self._findings: list[Finding] = []
        self._n_entries = 0

    def read(self, text: str) -> Document:
        """The document in `text`."""
        try:
            with warnings.catch_warnings(action="ignore"):
                node = self._yaml.compose(text)
        except YAMLError as error:
            raise self._not_yaml(error, text) from error
        except (ValueError, OverflowError, AssertionError, LookupError, TypeError) as error:
            # ruamel's own checks of versions, tags and escapes, which know no position
            message = f"not YAML: {first_line(error)}"
            raise _NotYamlError(self._at(0, 0), message) from error
        start = self._at(0, 0)
        root = Entry(None, start) if node is None else self._entry(node, (), start)
        return Document(root, tuple(self._findings))

    def _at(self, line: int, column: int) -> Position:
        if self._fixed is not None:
            return self._fixed
        return Position(f"{self._source}:{line + 1}:{column + 1}", (0, (line << 20) + column))

    def _not_yaml(self, error: YAMLError, text: str) -> _NotYamlError:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        if not isinstance(error, MarkedYAMLError) or mark is None:  # a character that YAML forbids
            before = text[: getattr(error, "position", 0)]
            at = self._at(before.count("\n"), len(before) - before.rfind("\n") - 1)
            return _NotYamlError(at, "not YAML: a character that is not allowed")
        words = [str(word) for word in (error.context, error.problem) if word]
        message = "not YAML: " + ": ".join(words).splitlines()[0]
        if any(sign in message for sign in ("cannot start any token", "undefined alias")):
            message += _QUOTES
        if isinstance(error, MaxDepthExceededError):
            message = f"nested deeper than {_MAX_DEPTH} levels"
        return _NotYamlError(self._at(mark.line, mark.column), message)

    def _report(self, node: Any, path: KeyPath, message: str) -> None:
        at = self._at(node.start_mark.line, node.start_mark.column)
        self._findings.append(Finding(path, message, at))

    def _entry(self, node: Any, path: KeyPath, at: Position) -> Entry:
        value = self._value(node, path)
        is_other = isinstance(node, ScalarNode) and str(node.tag) in _CONSTRUCTED
        return Entry(value, at, (str(node.value) or None) if is_other else None)

    def _value(self, node: Any, path: KeyPath) -> Any:
        self._n_entries += 1
        if self._n_entries > _MAX_ENTRIES or len(path) > _MAX_DEPTH:
            at = self._at(node.start_mark.line, node.start_mark.column)
            raise _NotYamlError(at, "aliases expand to more than a sweep can hold")
        match node:
            case ScalarNode():
                return self._scalar(node, path)
            case SequenceNode(tag=tag) if str(tag) == _TAG + "seq":
                return [
                    self._entry(n, (*path, i), self._at(n.start_mark.line, n.start_mark.column))
                    for i, n in enumerate(node.value)
                ]
            case MappingNode(tag=tag) if str(tag) == _TAG + "map":
                return self._mapping(node, path)
        self._report(node, path, f"the tag {node.tag} is not understood{_QUOTES}")
        return None

    def _scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        tag = str(node.tag)
        if tag in _TEXT:
            return self._text(node, path)
        if tag not in _CONSTRUCTED:
            self._report(node, path, f"the tag {tag} is not understood{_QUOTES}")
            return None
        try:
            value = self._yaml.constructor.construct_object(node)
        except (ValueError, LookupError):
            self._report(node, path, f"not a value of the kind {tag.removeprefix(_TAG)}")
            return None
        if isinstance(value, int) and abs(value) >= _TOO_LARGE:
            self._report(node, path, "a whole number beyond all that could be meant")
            return None
        return value

    def _text(self, node: ScalarNode, path: KeyPath) -> str | None:
        """The text of a scalar; the two halves in which JSON escapes a character become one."""
        try:
            return str(node.value).encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._report(node, path, "half a character")
            return None

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        seen: set[str] = set()
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._report(key_node, path, "a key must be a word, not a list or a mapping")
                continue
            key = self._text(key_node, path)
            if key is None:
                continue
            parts = key.split(".") if all(key.split(".")) else [key]
            at = self._at(key_node.start_mark.line, key_node.start_mark.column)
            entry = self._entry(value_node, (*path, *parts), at)
            if key in seen or not _graft(entries, parts, entry):
                self._report(key_node, (*path, *parts), "given twice")
            seen.add(key)
        return entries


def _graft(entries: dict[str, Entry], parts: list[str], entry: Entry) -> bool:
    """Puts `entry` under nested keys; False if something else stands there already."""
    head, *rest = parts
    if rest:
        below: dict[str, Entry] = {}
        _graft(below, rest, entry)
        entry = Entry(below, entry.at)
    there = entries.setdefault(head, entry)
    if there is entry:
        return True
    if not (isinstance(there.value, dict) and isinstance(entry.value, dict)):
        return False
    free = True
    for key, inner in entry.value.items():
        free &= _graft(there.value, [key], inner)
    return free

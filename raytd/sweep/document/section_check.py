"""Checking one flat section of a sweep file: everything that is wrong with it, at once."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from raytd.sweep.document.wording import in_words, show, unknown_key
from raytd.sweep.document.yaml_data import Finding, KeyPath

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Checked(Generic[M]):
    """What is left of a section once its problems are taken out.

    Attributes:
        value: the section, with defaults where a key was wrong; None if a required one was.
        written: the keys that were written and are right.
        findings: the problems.
        dropped: the keys that were wrong.
    """

    value: M | None
    written: dict[str, Any]
    findings: list[Finding]
    dropped: frozenset[str]


def check_section(model: type[M], data: Any, at: KeyPath) -> Checked[M]:
    """Checks what was written as a section against its model.

    pydantic looks at a section as a whole only once every key is right; here a wrong key is taken
    out and the rest looked at again, so that one look finds all there is to find.
    """
    if data is None:
        data = {}
    if not isinstance(data, dict):
        finding = Finding(at, f"must be a mapping of keys, not {show(data)}")
        return Checked(_default(model), {}, [finding], frozenset(model.model_fields))
    written, dropped = dict(data), set[str]()
    findings: list[Finding] = []
    while True:
        try:
            value = model.model_validate(written)
        except ValidationError as error:
            new = _findings(model, error, data, dropped)
            findings += [Finding((*at, *f.path), f.message) for f in new]
            wrong = {str(f.path[0]) for f in new if f.path}
            if not wrong & written.keys():
                return Checked(_default(model), {}, findings, frozenset(dropped | data.keys()))
            dropped |= wrong
            written = {k: v for k, v in written.items() if k not in wrong}
        else:
            return Checked(value, written, findings, frozenset(dropped))


def _default(model: type[M]) -> M | None:
    try:
        return model()
    except ValidationError:
        return None


def _findings(
    model: type[BaseModel], error: ValidationError, data: dict[str, Any], dropped: set[str]
) -> list[Finding]:
    """One finding for each place that pydantic complains about."""
    places: dict[KeyPath, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        places.setdefault(_place(detail["loc"], data), []).append(detail)
    findings = []
    for place, details in places.items():
        if details[0]["type"] == "extra_forbidden":
            findings.append(Finding(place, unknown_key(str(place[0]), model.model_fields)))
            continue
        message = in_words(details, _at(data, place))
        words = message.replace(",", " ").split()
        if place:
            follows = place[0] in dropped
        else:  # about the section as a whole: shown at the first key that it names
            place = next(((word,) for word in words if word in data), ())
            follows = any(key.removesuffix("s") in words for key in dropped & {*model.model_fields})
        if not follows:
            findings.append(Finding(place, message))
    return findings


def _place(loc: KeyPath, data: Any) -> KeyPath:
    """The part of pydantic's location that is written in the data, or the key that is missing."""
    place: KeyPath = ()
    for part in loc:
        is_key = isinstance(data, dict)
        is_index = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if not (is_key or is_index):
            break
        place = (*place, part)
        data = data.get(part) if isinstance(data, dict) else data[part]
    return place


def _at(data: Any, place: KeyPath) -> Any:
    for part in place:
        data = data.get(part) if isinstance(data, dict) else data[part]
    return data

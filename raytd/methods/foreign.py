"""What a method of another distribution must be; all that is wrong with it is said at once."""

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from typing import Any, get_args

from raytd.engine.config import Settings
from raytd.errors import RequestError
from raytd.methods.method import SHARED, Method, Network
from raytd.words import listed

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_SECTION = re.compile(r"[a-z][a-z0-9_]*")


def brought(point: EntryPoint, known: Mapping[str, Method]) -> Method:
    """The method that an entry point names.

    Args:
        point: of the group `raytd.methods`.
        known: the methods that are there already.

    Raises:
        RequestError: in one line, if it cannot be loaded, is no method, or says what cannot be.
    """
    whose = f"the method '{point.name}' of {point.dist.name if point.dist else point.value}"
    way_out = "mend or uninstall that distribution"
    try:
        found = point.load()
    except Exception as error:
        problem = f"{whose} cannot be loaded ({type(error).__name__}: {error}); {way_out}"
        raise RequestError(problem) from error
    if not isinstance(found, Method):
        problem = f"{whose} is a {type(found).__name__}, not a {Method.__module__}.Method"
        raise RequestError(f"{problem}; {way_out}")
    problems = [
        *_of_names(found, point.name, known),
        *_of_words(found),
        *_of_settings(found, known),
        *_of_figures(found),
    ]
    if problems:
        raise RequestError(f"{whose}: {'; '.join(problems)}: {way_out}")
    return found


def _of_names(method: Method, entry: str, known: Mapping[str, Method]) -> Iterator[str]:
    if not isinstance(method.name, str) or not _NAME.fullmatch(method.name):
        yield f"its name is {method.name!r}; it must be like my-distance"
    elif method.name in known:
        yield f"there are two methods '{method.name}'"
    elif method.name != entry:
        yield f"it calls itself '{method.name}'; both names must be the same"
    section = method.section
    if section is not None and not (isinstance(section, str) and _SECTION.fullmatch(section)):
        yield f"its section is {section!r}; it must be like my_distance"


def _of_words(method: Method) -> Iterator[str]:
    for name in ("unit", "costs"):
        if not isinstance(getattr(method, name), str) or not getattr(method, name):
            yield f"its {name} is {getattr(method, name)!r}; it must be a text"
    if not isinstance(method.smaller_is_closer, bool):
        yield f"smaller_is_closer is {method.smaller_is_closer!r}; it must be True or False"
    if not callable(method.run):
        yield f"run is {method.run!r}; it must be a function"
    for name, allowed in (("obeys", SHARED), ("needs", get_args(Network))):
        given: Any = getattr(method, name)
        if unknown := [each for each in given if each not in allowed]:
            yield f"{name} has {listed(unknown)}; there are {', '.join(allowed)}"


def _of_settings(method: Method, known: Mapping[str, Method]) -> Iterator[str]:
    kind: Any = method.settings
    if not (isinstance(kind, type) and issubclass(kind, Settings)):
        yield f"its settings are {kind!r}; they must be a class of {Settings.__module__}.Settings"
        return
    if required := [key for key, field in kind.model_fields.items() if field.is_required()]:
        yield f"it has settings without a default ({', '.join(required)})"
    section = method.section
    owner = next((m for m in known.values() if section and m.section == section), None)
    if owner and (new := kind.model_fields.keys() - owner.settings.model_fields.keys()):
        theirs = f"that of the method '{owner.name}', which has no key {listed(sorted(new))}"
        yield f"its section '{section}' is {theirs}"


def _of_figures(method: Method) -> Iterator[str]:
    try:
        method.columns  # noqa: B018 - worked out here
    except (TypeError, NameError) as error:
        yield f"its figures: {error}"

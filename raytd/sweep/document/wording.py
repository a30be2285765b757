"""Problems in plain words."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from raytd.sweep.document.yaml_data import KeyPath

_WHOLE, _NUMBER, _TEXT, _MAPPING, _LIST = (
    "a whole number",
    "a number",
    "text",
    "a mapping of keys",
    "a list",
)
_REQUIREMENTS = {
    "bool_type": "true or false",
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": "a smaller whole number",
    "float_type": _NUMBER,
    "finite_number": "a finite number",
    "string_type": _TEXT,
    "string_too_short": "text that is not empty",
    "string_pattern_mismatch": "letters, digits, dots, dashes and underscores",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "string_too_long": "text of at most {max_length} characters",
    "too_short": "a list that is not empty",
    "greater_than": "greater than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
}


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message that suggests the known word most like `word`; empty if none is."""
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def shown(path: KeyPath) -> str:
    """A key path as text, as `tasks[1].train`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def unknown_key(key: str, known: Collection[str]) -> str:
    """The message for a key that does not exist."""
    return f"unknown key{did_you_mean(key, known) or '; there are ' + ', '.join(known)}"


def show(value: Any) -> str:
    """A value as the user would write it, in short."""
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case str():
            return repr(value if len(value) <= 40 else value[:37] + "...")
        case list() | tuple():
            return "a list" if value else "an empty list"
        case dict():
            return "a mapping"
    return str(value)


def in_words(details: list[ErrorDetails], value: Any) -> str:
    """What pydantic says of one value, in one line.

    Args:
        details: its errors for this value; several where the value may be of several kinds.
        value: what was written.
    """
    own = [str(d["ctx"]["error"]) for d in details if d["type"] == "value_error"]
    if own:
        return own[0]
    if details[0]["type"] == "missing":
        return "missing"
    wanted = " or ".join(dict.fromkeys(map(_requirement, details)))
    message = f"must be {wanted}, not {show(value)}"
    choices = [c for d in details for c in _choices(d)]
    if isinstance(value, str):
        return message + did_you_mean(value, choices)
    quotes = wanted == _TEXT and isinstance(value, int | float | dict)
    return message + ("; put it in quotes" if quotes else "")


def _requirement(detail: ErrorDetails) -> str:
    choices = _choices(detail)
    if choices:
        quoted = [f"'{c}'" for c in choices]
        return quoted[0] if len(quoted) == 1 else f"one of {', '.join(quoted)}"
    template = _REQUIREMENTS.get(detail["type"])
    if template is None:
        return detail["msg"][:1].lower() + detail["msg"][1:]
    return template.format(**{k: _short(v) for k, v in detail.get("ctx", {}).items()})


def _short(limit: Any) -> Any:
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


def _choices(detail: ErrorDetails) -> list[str]:
    if detail["type"] != "literal_error":
        return []
    text = str(detail["ctx"]["expected"]).replace(" or ", ", ")
    return [word.strip("'") for word in text.split(", ")]

"""Models that a user's own code makes: `package.module:factory`, with arguments in parentheses."""

import ast
import hashlib
import importlib
import inspect
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from raytd.errors import InputError, in_one_line

if TYPE_CHECKING:
    from torch import nn

RESERVED = ("in_channels", "n_classes")
"""What raytd gives every factory."""


@dataclass(frozen=True)
class Call:
    """What a model's name asks for.

    Attributes:
        base: the name before the parentheses.
        arguments: by keyword; plain Python values.
    """

    base: str
    arguments: dict[str, Any]

    def __str__(self) -> str:
        """The one spelling that identities use: arguments in alphabetical order."""
        written = ", ".join(f"{k}={v!r}" for k, v in sorted(self.arguments.items()))
        return f"{self.base}({written})" if written else self.base


def parse(name: str) -> Call:
    """Splits `base(key=value, …)`.

    Raises:
        InputError: if the parentheses do not hold keyword arguments with plain values.
    """
    base, opened, inner = name.partition("(")
    if not opened:
        return Call(name, {})
    try:
        arguments = _arguments(f"f({inner}")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(
            f"'{name}' cannot be read; write {base}(key=value, …) with plain Python values (8, "
            "0.5, True, 'text', [1, 2]), and quotes around the whole where it stands in a list"
        ) from error
    reserved = [key for key in arguments if key in RESERVED]
    if reserved:
        raise InputError(f"'{name}': {reserved[0]} comes from the task; leave it out")
    return Call(base, arguments)


def _arguments(text: str) -> dict[str, Any]:
    """The keyword arguments of `f(key=value, …)`.

    Raises:
        ValueError: if the text is anything else, such as two calls in a row.
    """
    call = ast.parse(text, mode="eval").body
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)) or call.args:
        raise ValueError("it is not one call with keywords")
    found = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg is not None}
    if len(found) < len(call.keywords) or not all(map(_is_plain, found.values())):
        raise ValueError("a keyword is given twice, or its value is not plain")
    if "\n" in text or call.end_col_offset != len(text.encode()):  # the rest is a comment
        raise ValueError("something follows the call")
    return found


def _is_plain(value: Any) -> bool:
    """Whether a value is written in one way alone, and can be read back from that."""
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, (*value, *value.values())))
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int | str)


_named: ContextVar[dict[str, None] | None] = ContextVar("_named", default=None)


@contextmanager
def nothing_imported() -> Iterator[dict[str, None]]:
    """Within the block no module of a user is imported; gives the factories that would have been.

    Importing a module runs it, so that a sweep file which names one is code.
    """
    named: dict[str, None] = {}
    token = _named.set(named)
    try:
        yield named
    finally:
        _named.reset(token)


def require(base: str) -> None:
    """Imports a factory to see that it is there; where nothing is imported, notes its name.

    Raises:
        InputError: in one line, if there is none, or it has no name that Python could import.
    """
    named = _named.get()
    if named is None:
        load(base)
        return
    module_name, _, attribute = base.partition(":")
    if not all(part.isidentifier() for part in (*module_name.split("."), attribute)):
        raise InputError(f"{base}: is not of the form package.module:factory")
    named[base] = None


def load(base: str) -> "Callable[..., nn.Module]":
    """Imports a factory by `package.module:factory`.

    Modules are searched for where Python does, then in the current folder.

    Raises:
        InputError: in one line, if there is none.
    """
    module_name, _, attribute = base.partition(":")
    module = _import(base, module_name)
    found = getattr(module, attribute, None)
    if found is None:
        close = get_close_matches(attribute, [n for n in vars(module) if n[:1] != "_"], n=1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        raise InputError(f"{base}: {module_name} has no '{attribute}'{hint}")
    if not callable(found):
        raise InputError(f"{base}: is a {type(found).__name__}, not a function that makes a model")
    factory: Callable[..., nn.Module] = found
    return factory


def code_digest(base: str) -> str | None:
    """SHA-256 of the text of a factory's module, 16 hex digits; None if it has no text.

    What that module imports from elsewhere does not enter.
    """
    module = _import(base, base.partition(":")[0])
    try:
        path = inspect.getsourcefile(module)
    except TypeError:
        path = None
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16] if path else None


def make(call: Call, *, in_channels: int, n_classes: int) -> "nn.Module":
    """What the factory makes.

    Raises:
        InputError: if there is no such factory, it fails, or it makes something else.
    """
    from torch import nn

    factory = load(call.base)
    try:
        model = factory(in_channels=in_channels, n_classes=n_classes, **call.arguments)
    except (Exception, SystemExit) as error:
        raise InputError(f"{call}: {in_one_line(error)}") from error
    if not isinstance(model, nn.Module):
        raise InputError(f"{call}: gives a {type(model).__name__}, not a torch.nn.Module")
    return model


def _import(base: str, module_name: str) -> ModuleType:
    if _named.get() is not None:
        raise InputError(f"{base}: is not imported here")
    here = os.getcwd()
    if not {"", here} & set(sys.path):  # the command `raytd` starts without it, unlike `python -m`
        sys.path.append(here)
    if module_name not in sys.modules:
        importlib.invalidate_caches()
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and f"{module_name}.".startswith(f"{error.name}."):
            raise InputError(
                f"{base}: there is no module '{error.name}'; install it, or run raytd in the "
                "folder that holds it"
            ) from error
        raise InputError(f"{base}: importing {module_name} fails: {error}") from error
    except (Exception, SystemExit) as error:
        raise InputError(f"{base}: importing {module_name} fails: {in_one_line(error)}") from error

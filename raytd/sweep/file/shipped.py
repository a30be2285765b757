"""The sweeps that come with raytd, by name: in an installed package, or beside it in a clone."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from raytd.errors import RequestError
from raytd.sweep.document.reading import STDIN
from raytd.sweep.document.wording import did_you_mean

SCHEMA = "schema.json"
_PACKAGE = Path(__file__).parents[2]
_PLACES = (_PACKAGE / "shipped", _PACKAGE.parent / "sweeps")
"""Where a wheel puts them, and where they lie in a clone."""

_RUN = re.compile(r"[: ]*raytd sweep .*")
_EDITOR_LINE = re.compile(r"^# yaml-language-server: \$schema=.*$", re.MULTILINE)


@dataclass(frozen=True)
class Shipped:
    """A sweep that comes with raytd.

    Attributes:
        name: of the sweep, and of the folder of its results.
        path: of its file.
    """

    name: str
    path: Path

    @property
    def about(self) -> str:
        """What its first comment says of it, in one line."""
        _, line, *_ = self.path.read_text(encoding="utf-8").splitlines()
        return _RUN.sub("", line).removeprefix("# ")

    def copy_for(self, out: Path) -> str:
        """Its text as it is right at another place: what it says of its path and of its schema."""
        text = self.path.read_text(encoding="utf-8")
        text = text.replace(f"sweeps/{self.path.name}", str(out))
        return _EDITOR_LINE.sub(lambda _: editor_line(out.parent), text, count=1)


def folder() -> Path | None:
    """Where they lie; None where raytd was put together without them."""
    return next((place for place in _PLACES if (place / SCHEMA).is_file()), None)


def shipped() -> dict[str, Shipped]:
    """All of them, by name; a file calls its sweep as it is called itself, with dashes."""
    place = folder()
    files = [] if place is None else sorted(place.glob("*.yaml"))
    return {(name := file.stem.replace("_", "-")): Shipped(name, file) for file in files}


def editor_line(place: Path) -> str:
    """The comment that tells an editor of the schema: one in the folder, else the shipped one."""
    there = folder()
    own = there is None or (place / SCHEMA).is_file()
    return f"# yaml-language-server: $schema={SCHEMA if own else there / SCHEMA}"  # type: ignore[operator]


def named(name: str) -> Shipped:
    """The shipped sweep of that name.

    Raises:
        RequestError: in one line, if there is none.
    """
    found = shipped().get(name.replace("_", "-"))
    if found is None:
        known = list(shipped())
        there = f"there are {', '.join(known)}" if known else "this one came without any"
        raise RequestError(f"raytd brings no sweep '{name}'; {there}{did_you_mean(name, known)}")
    return found


def chosen_file(given: Path, tell: Callable[[str], None]) -> Path:
    """The sweep file that is meant: a file of that name or, where there is none, a shipped one.

    Args:
        given: a path, or the name of a shipped sweep.
        tell: is told which file a name stands for.

    Raises:
        RequestError: in one line, if there is neither.
    """
    if given == STDIN or os.path.lexists(given):
        return given
    found = shipped().get(str(given).replace("_", "-"))
    if found is None:
        raise RequestError(_nothing_called(given))
    here = Path(found.path.name)
    if here.is_file():
        tell(f"{given} is {here} in this folder, which goes before the sweep that raytd brings")
        return here
    tell(f"{given} is the sweep that raytd brings: {found.path}")
    return found.path


def _nothing_called(given: Path) -> str:
    names, text = list(shipped()), f"{given}  cannot be read: no such file"
    if Path(f"{given}.yaml").is_file():
        return f"{text}; did you mean {given}.yaml?"
    if given == Path(given.name) and given.stem.replace("_", "-") in names:
        return f"{text}; raytd init {given.stem} copies the sweep that raytd brings"
    known = f", or name a sweep that raytd brings ({', '.join(names)})" if names else ""
    return f"{text}; make one with raytd init{known}{did_you_mean(str(given), names)}"

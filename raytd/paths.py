"""Paths as a user writes them, and the folders that belong to the user.

Every path that a user writes goes through `expanded`, and nothing else asks where the home folder
is. A user without a home is common in containers: the user id has no entry in the list of users,
and HOME is not set.
"""

import os
import tempfile
from pathlib import Path

from raytd.errors import PathError, StorageError, os_reason

_LONGEST = 255
"""Bytes of a file name: the bound of all file systems in common use."""


def expanded(path: str | Path) -> Path:
    """The path with a leading `~` or `~NAME` replaced by that home folder.

    A folder that is really called `~` is written `./~`.

    Raises:
        PathError: in one line, if there is no such home folder, or no file can be called so.
    """
    text = os.fspath(path)
    if problem := _impossible(text):
        raise PathError(f"{text[:40]!r}…: {problem}" if len(text) > 40 else f"{text!r}: {problem}")
    if not text.startswith("~"):
        plain = Path(text)
        # pathlib drops the leading ./, and the next reader must not take the name for a home.
        return plain.absolute() if str(plain).startswith("~") else plain
    name = text.partition("/")[0].removeprefix("~")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise PathError(f"{text}: {_no_home(name)}, or write the path in full") from error


def home_problem() -> str | None:
    """Why the home folder of this user is not known, and what to do; None if it is known."""
    try:
        Path.home()
    except RuntimeError:
        return _no_home("")
    return None


def cache_folder() -> Path:
    """The folder of raytd in the user's cache folder; it need not be there.

    Raises:
        PathError: in one line, if neither XDG_CACHE_HOME nor a home folder says where it is.
    """
    given = os.environ.get("XDG_CACHE_HOME")
    if given:
        return expanded(given).absolute() / "raytd"
    if problem := home_problem():
        raise PathError(problem)
    return Path.home() / ".cache" / "raytd"


def make_temporary_folder(prefix: str) -> Path:
    """A new folder for temporary files; whoever asks for it removes it.

    Raises:
        StorageError: in one line, if none can be made.
    """
    try:
        return Path(tempfile.mkdtemp(prefix=prefix))
    except OSError as error:
        raise StorageError(
            f"no temporary folder can be made ({os_reason(error)}); set TMPDIR to a folder "
            "that can be written and has room"
        ) from error


def _impossible(text: str) -> str | None:
    """Why no file can have a path, whatever the folder it lies in; None if one can."""
    if "\0" in text:
        return "the path has a NUL character, which no file name can have"
    if any(len(os.fsencode(part)) > _LONGEST for part in text.split("/")):
        return f"a name in the path is longer than {_LONGEST} bytes, which no file can have"
    return None


def _no_home(name: str) -> str:
    """Why the home folder of a user is not known, and the first thing to do."""
    if name:
        return f"this machine knows no home folder of a user '{name}'; correct the name"
    return (
        f"no home folder is known (HOME is not set, and user id {os.getuid()} has no entry in "
        "the list of users); set HOME to a folder that you can write"
    )

"""What a Ray cluster of our own needs of this machine: a folder with a short path, and a token."""

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from raytd.errors import RequestError, os_reason
from raytd.paths import home_problem

_SOCKET_BYTES = 103 if sys.platform == "darwin" else 107
"""The longest path of a socket that the operating system takes."""

_BELOW_BYTES = len("/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store")
"""What Ray puts below its folder."""

_PROBE_BYTES = 2**20  # the first logs of Ray

_VARIABLES = ("RAY_TMPDIR", "TMPDIR")
_SHORT = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - the names are made by mkdtemp
_TOKEN = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


@contextmanager
def local_settings(tell: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Arguments of `ray.init` for a cluster that ends with the block.

    Args:
        tell: called with what was done in another way than the user's environment asks for.

    Raises:
        RequestError: in one line, if Ray has no place for its files.
    """
    with ExitStack() as stack:
        stack.enter_context(_token())
        problem = folder_problem()
        if problem is None:
            yield {}
            return
        folder = stack.enter_context(_short_folder(problem))
        tell(f"{problem}; Ray keeps its files in {folder} while it runs")
        yield {"_temp_dir": str(folder)}


def folder_problem() -> str | None:
    """Why Ray cannot keep its files where the environment says; None if it can."""
    name = next((name for name in _VARIABLES if os.environ.get(name)), None)
    if name is None:
        return None
    folder = Path(os.environ[name])
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(_PROBE_BYTES))
            probe.flush()
    except OSError as error:
        return f"{name}={folder} cannot be written ({os_reason(error)})"
    return None if _fits(folder / "ray") else f"{name} is too long a path for Ray's sockets"


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder.absolute())) + _BELOW_BYTES <= _SOCKET_BYTES


@contextmanager
def _short_folder(problem: str) -> Iterator[Path]:
    """A folder with a short path, which is removed afterwards."""
    for place in _SHORT:
        try:
            folder = Path(tempfile.mkdtemp(prefix="raytd-", dir=place))
        except OSError:
            continue
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    raise RequestError(f"{problem}, and none of {', '.join(_SHORT)} can be written; set TMPDIR")


@contextmanager
def _token() -> Iterator[None]:
    """Within the block Ray has a token, also where it cannot keep one in the home folder."""
    if any(os.environ.get(name) for name in _TOKEN) or _home_takes_a_token():
        yield
        return
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_urlsafe(32)
    try:
        yield
    finally:
        os.environ.pop("RAY_AUTH_TOKEN", None)


def _home_takes_a_token() -> bool:
    """Whether Ray can read its token in the home folder, or write one."""
    if home_problem() is not None:
        return False
    token = Path.home() / ".ray" / "auth_token"
    if token.exists():
        return os.access(token, os.R_OK)
    there = next(path for path in (token.parent, *token.parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)

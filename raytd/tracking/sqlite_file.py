"""The file of an SQLite store, and the URI that names it."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from raytd.errors import RequestError

_LOCKED_S = 60.0  # while another sweep makes the tables
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
_PREFIX = "sqlite:///"


def sqlite_uri(file: Path) -> str:
    """The URI of a store in a file.

    Raises:
        RequestError: in one line, if no URI names this file: what follows `?` are options, and
            versions of SQLAlchemy differ in whether they decode `%3F`.
    """
    wrong = "?" if "?" in str(file) else next(iter(_ESCAPE.findall(str(file))), None)
    if wrong is not None:
        raise RequestError(
            f"{file.parent}: MLflow cannot keep its SQLite store below a folder with '{wrong}' in "
            "its name; choose another --storage, or another store with --tracking-uri"
        )
    return f"{_PREFIX}{file}"


def store_file(uri: str) -> Path | None:
    """The file of an SQLite store; None for servers, other databases and stores in memory."""
    path = uri.removeprefix(_PREFIX).partition("?")[0]
    return None if path in {uri, "", ":memory:"} else Path(path).resolve()


def require_uri(uri: str) -> None:
    """Looks whether the URI of an SQLite store says what its user means; others are not judged.

    Raises:
        RequestError: in one line, if it may name another file than the one that is meant.
    """
    path, mark, options = uri.removeprefix(_PREFIX).partition("?")
    if not uri.startswith(_PREFIX):
        return
    if mark and not all(re.fullmatch(r"\w+=[^/]*", option) for option in options.split("&")):
        raise RequestError(
            f"--tracking-uri {uri}: what follows '?' is read as options such as timeout=5, not as "
            "part of the path; keep the store in a folder without '?' in its name"
        )
    if path.startswith("~"):
        raise RequestError(
            f"--tracking-uri {uri}: '~' is not a home folder here; write the path in full, with "
            "four slashes in front as sqlite:////home/me/mlflow.db"
        )
    if escapes := _ESCAPE.findall(path):
        raise RequestError(
            f"--tracking-uri {uri}: write the path as it is, without escapes such as {escapes[0]}; "
            "a folder that is really called so cannot hold the store"
        )


def require_file(file: Path) -> None:
    """Opens an SQLite file once: MLflow tries for 100 s before it says that it cannot.

    Raises:
        OSError: its folder cannot be made.
        sqlite3.Error: it cannot be opened, or is something else.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file, timeout=_LOCKED_S)) as store:
        store.execute("PRAGMA schema_version")

"""Where sweeps are kept: a folder, or a place in an object store that is used like one."""

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from raytd.errors import RequestError, StorageError
from raytd.paths import expanded
from raytd.storage.objects import ObjectPath

_URI = re.compile(r"[a-z][a-z0-9+.-]*:/", re.IGNORECASE)
_HALF_A_URI = re.compile(r"([a-z][a-z0-9+.-]*):(?!/)", re.IGNORECASE)
_DEFAULTS = {
    "gs": {"retry_limit_seconds": "5"},  # instead of 15 minutes
    "gcs": {"retry_limit_seconds": "5"},
}
StoragePath = Path | ObjectPath
"""A folder or file of a sweep, wherever it is kept."""


def storage_path(given: StoragePath | str) -> StoragePath:
    """The path that a user means: of a folder, or a URI such as `s3://bucket/runs`.

    Nothing is looked up.

    Raises:
        RequestError: in one line, if the URI cannot be read, or the home folder is not known.
    """
    if isinstance(given, ObjectPath):
        return given
    text = str(given)
    if not text.strip():
        raise RequestError("--storage is empty: name a folder, or a URI such as s3://bucket/runs")
    if half := _HALF_A_URI.match(text):
        shown = f"{half[1]}:…" if "@" in text else text  # a secret may stand before the sign
        raise RequestError(
            f"--storage {shown}: write {half[1]}:// for a URI, or ./{shown} for a folder of that "
            "name"
        )
    if not _URI.match(text):
        return expanded(given)
    parts = urlsplit(text, allow_fragments=False)
    if "@" in text and ":" in parts.netloc and "@" not in parts.netloc:
        raise RequestError(
            "--storage: in the secret of the URI write %2F for /, %2B for +, %3F for ? and %40 for "
            "@, or leave it to AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    if parts.scheme == "file":
        folder = f"file:///{parts.netloc}{parts.path}"
        raise RequestError(f"--storage {text}: a folder's URI has three slashes, as {folder}")
    if not parts.netloc:
        raise RequestError(f"--storage {parts.scheme}: name a bucket, as s3://bucket/runs")
    options = _DEFAULTS.get(parts.scheme, {}) | dict(parse_qsl(parts.query))
    store = parts._replace(path="", query=urlencode(options)).geturl()
    return ObjectPath(store, PurePosixPath(unquote(parts.path).strip("/")))


def require_storage(storage: StoragePath) -> None:
    """Looks whether an object store can be used; a folder may well be made later.

    Raises:
        RequestError: in one line, if it does not answer or refuses, there is no such bucket, or a
            file stands where a folder has to be.
    """
    if not isinstance(storage, ObjectPath):
        there = next((p for p in (storage, *storage.parents) if p.exists()), storage.parent)
        if not there.is_dir():
            raise RequestError(f"{there}: is not a folder; choose another --storage")
        return
    try:
        is_empty = not any(storage.iterdir())
    except StorageError as error:
        raise RequestError(str(error)) from error
    if is_empty and _has_no_bucket(storage):
        raise RequestError(
            f"{storage}: cannot be used (there is no such bucket); make it, or correct its name"
        )


def _has_no_bucket(storage: ObjectPath) -> bool:
    """Whether the bucket is missing for certain: not everyone who may use it may ask for it."""
    with suppress(StorageError):
        return not replace(storage, key=PurePosixPath()).is_dir()
    return False

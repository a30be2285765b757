"""Paths in an object store, used like paths of a folder."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from raytd.errors import StorageError

_SHOWN = ("region", "scheme", "endpoint_override")
"""Options that may be printed: any other one may be a secret."""
_HARMLESS = ("allow_delayed_open", "retry_limit_seconds", "project_id", "force_virtual_addressing")


class Stat(NamedTuple):
    """What `os.stat` says of a file, as far as it is asked here."""

    st_mtime_ns: int


@dataclass(frozen=True, order=True, repr=False)
class ObjectPath:
    """A path in an object store; of `pathlib.Path` it has what the files of a sweep need.

    There are no folders to be made: one is there as long as something is in it. An object appears
    whole when it has been written. A path is opened where it is used, in whatever process and on
    whatever node, with the credentials that are found there.

    Args:
        store: URI of the bucket, with options and perhaps a secret; `str` leaves the secret out.
        key: path in the bucket.

    Raises:
        StorageError: from every method that asks the store, in one line, if it cannot be asked.
    """

    store: str
    key: PurePosixPath

    def __truediv__(self, other: str) -> "ObjectPath":
        return replace(self, key=self.key / other.strip("/"))

    def __str__(self) -> str:
        parts = urlsplit(self.store)
        user, _, host = parts.netloc.rpartition("@")
        user = "" if parts.scheme == "s3" else user.partition(":")[0]  # a container's name
        options = [each for each in parse_qsl(parts.query) if _may_be_shown(*each)]
        place = f"{parts.scheme}://{user}{'@' if user else ''}{host}/"
        place += quote(str(self.key)) if self.key.parts else ""
        return place + (f"?{urlencode(options, safe=':/')}" if options else "")

    def __repr__(self) -> str:
        return f"ObjectPath('{self}')"

    @property
    def has_secret(self) -> bool:
        """Whether the URI holds what must not be shown."""
        parts = urlsplit(self.store)
        hidden = [o for o in parse_qsl(parts.query) if o[0] not in _HARMLESS]
        return ":" in parts.netloc.rpartition("@")[0] or not all(_may_be_shown(*o) for o in hidden)

    @property
    def name(self) -> str:
        """The last part."""
        return self.key.name

    @property
    def stem(self) -> str:
        """The last part without its ending."""
        return self.key.stem

    @property
    def suffix(self) -> str:
        """The ending of the last part."""
        return self.key.suffix

    @property
    def parent(self) -> "ObjectPath":
        """The path without its last part."""
        return replace(self, key=self.key.parent)

    def with_suffix(self, suffix: str) -> "ObjectPath":
        """The path with another ending."""
        return replace(self, key=self.key.with_suffix(suffix))

    def with_name(self, name: str) -> "ObjectPath":
        """The path with another last part."""
        return replace(self, key=self.key.with_name(name))

    def absolute(self) -> "ObjectPath":
        """The path itself."""
        return self

    def exists(self) -> bool:
        """Whether an object is there, or any below it."""
        return _is_there(self._info())

    def is_file(self) -> bool:
        """Whether an object is there."""
        return bool(self._info().is_file)

    def is_dir(self) -> bool:
        """Whether there are objects below it."""
        return _is_dir(self._info())

    def stat(self) -> Stat:
        """When it was written; many stores know that to the second only.

        Raises:
            FileNotFoundError: if it is not there.
        """
        info = self._info()
        if not info.is_file:
            raise FileNotFoundError(f"{self}: no such object")
        return Stat(info.mtime_ns)

    def read_bytes(self) -> bytes:
        """The content.

        Raises:
            FileNotFoundError: if it is not there.
        """
        with self._opened("read") as (files, place), files.open_input_stream(place) as stream:
            content: bytes = stream.read()
        return content

    def read_text(self) -> str:
        """The content as text; raises as `read_bytes`."""
        return self.read_bytes().decode()

    def write_bytes(self, content: bytes) -> None:
        """Writes the object whole, over the one that is there."""
        with self._opened("written") as (files, place):
            try:
                with files.open_output_stream(place) as stream:
                    stream.write(content)
            except FileNotFoundError as error:
                raise OSError("NO_SUCH_BUCKET") from error

    def unlink(self, missing_ok: bool = False) -> None:
        """Removes the object.

        Raises:
            FileNotFoundError: if it is not there, and has to be.
        """
        try:
            with self._opened("removed") as (files, place):
                files.delete_file(place)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def remove_all(self) -> None:
        """Removes everything below it, if there is anything."""
        with self._opened("removed") as (files, place):
            if _is_dir(files.get_file_info(place)):
                files.delete_dir(place)

    def iterdir(self) -> Iterator["ObjectPath"]:
        """What is directly below it; nothing where nothing is."""
        from pyarrow.fs import FileSelector

        with self._opened("read") as (files, place):
            found = files.get_file_info(FileSelector(place, allow_not_found=True))
        yield from (self / info.base_name for info in found)

    def glob(self, pattern: str) -> Iterator["ObjectPath"]:
        """What matches below it, `*` within one name; objects that are asked for by name at once.

        A part without `*` is asked for only where it is the last one.
        """
        *upper, last = PurePosixPath(pattern).parts
        folders = [self]
        for part in upper:
            folders = [found for folder in folders for found in folder._matching(part)]
        if "*" in last:
            yield from (found for folder in folders for found in folder._matching(last))
        elif folders:
            named = [folder / last for folder in folders]
            there = self._infos(named)
            yield from (path for path, info in zip(named, there, strict=True) if _is_there(info))

    def _matching(self, part: str) -> list["ObjectPath"]:
        if "*" not in part:
            return [self / part]
        return [found for found in self.iterdir() if fnmatchcase(found.name, part)]

    def _info(self) -> Any:
        return self._infos([self])[0]

    def _infos(self, paths: Sequence["ObjectPath"]) -> Sequence[Any]:
        with self._opened("read") as (files, _):
            infos: Sequence[Any] = files.get_file_info([path._place for path in paths])
        return infos

    @property
    def _place(self) -> str:
        """How pyarrow calls it."""
        return str(PurePosixPath(_open(self.store)[1]) / self.key)

    @contextmanager
    def _opened(self, what: str) -> Iterator[tuple[Any, str]]:
        """The file system and the path in it; its failures are one line."""
        try:
            yield _open(self.store)[0], self._place
        except FileNotFoundError:
            raise
        except (OSError, ValueError, NotImplementedError) as error:
            # The error that it comes from may quote the URI with its secret.
            reason, todo = _explained(error)
            raise StorageError(f"{self}: cannot be {what} ({reason}); {todo}") from None


def _may_be_shown(option: str, value: str) -> bool:
    return option in _SHOWN and "@" not in value


def _is_dir(info: Any) -> bool:
    from pyarrow.fs import FileType

    return bool(info.type == FileType.Directory)


def _is_there(info: Any) -> bool:
    from pyarrow.fs import FileType

    return bool(info.type != FileType.NotFound)


@lru_cache(maxsize=16)
def _open(store: str) -> tuple[Any, str]:
    """The file system, opened once in a process, and the path of the bucket in it."""
    from pyarrow.fs import FileSystem

    files, base = FileSystem.from_uri(store)
    # A copy of an S3 file system tries again when the server is busy; one that comes from a URI
    # tries for six seconds whether anyone listens, and never otherwise.
    try:
        return copy(files), base
    except TypeError as error:  # one that a process has for itself, such as mock://
        raise OSError("Unrecognized filesystem") from error


_WORDS = (
    ("NO_SUCH_BUCKET", "there is no such bucket", "make it, or correct its name"),
    (
        "NETWORK_CONNECTION|UNAVAILABLE",
        "no server answers",
        "correct endpoint_override or region of the URI",
    ),
    (
        "ACCESS_DENIED|INVALID_ACCESS|SIGNATURE|ACCESS_KEY|TOKEN|PERMISSION_DENIED|UNAUTHENTICATED",
        "access denied",
        "look at the credentials here, for S3 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    ),
    ("Unrecognized filesystem", "pyarrow knows no such store", "use one such as s3:// or gs://"),
)
"""What stores say, the reason in words, and what to do."""


def _explained(error: Exception) -> tuple[str, str]:
    """The reason and what to do about it; never the URI, which may hold a secret."""
    text = " ".join(str(error).split())
    for signs, reason, todo in _WORDS:
        if re.search(signs, text):
            return reason, todo
    unknown = re.search(r"Unexpected query parameter .*: '(\w+)'", text)
    if unknown:
        return f"unknown option {unknown[1]}", "correct the URI"
    if "URI" in text:
        return "the URI cannot be read", "write it as s3://bucket/runs"
    return text.rpartition(" operation: ")[2][:200], "see the store, or choose another --storage"

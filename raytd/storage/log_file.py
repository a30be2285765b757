"""A log that grows line by line, wherever it is kept; each line has time and level."""

import os
import re
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal, Protocol

from raytd.errors import StorageError
from raytd.storage.files import storage_error
from raytd.storage.objects import ObjectPath
from raytd.storage.path import StoragePath

Level = Literal["INFO", "WARNING", "ERROR"]

UPLOAD_S = 10.0
"""Seconds after which a line is in an object store, which takes a log as a whole."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
"""What Ray writes into its tracebacks for a terminal."""


def this_process() -> str:
    """Who writes a log: the version of raytd, the process and its machine."""
    return f"raytd {version('raytd')}, process {os.getpid()} on {socket.gethostname()}"


def utc_now() -> datetime:
    """The time of the clock on the wall, in the zone that all nodes share."""
    return datetime.now(UTC)


class LogFile:
    """A log. One process at a time writes to it; what an earlier one wrote stays.

    A line that cannot be written is lost: a log never ends the work that it tells of.

    Args:
        path: of the log; its folder is made with the first line.
        on_loss: called with one sentence when lines are lost, once.
        clock: says the time of a line.
    """

    def __init__(
        self,
        path: StoragePath,
        on_loss: Callable[[str], None] = lambda _: None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._end: _End = _Object(path) if isinstance(path, ObjectPath) else _File(path)
        self._on_loss, self._clock, self._is_whole = on_loss, clock, True

    def write(self, level: Level, text: str, at: datetime | None = None) -> None:
        """Adds each line of a text, without the colours that it has for a terminal.

        Args:
            level: of all lines.
            text: one line or several.
            at: when it was said; None for now.
        """
        start = f"{at or self._clock():%Y-%m-%dT%H:%M:%SZ} {level}"
        lines = _COLOURS.sub("", text).splitlines()
        self._do(lambda: self._end.add("".join(f"{start} {line}\n" for line in lines)))

    def close(self) -> None:
        """Returns once everything is written; more lines may follow."""
        self._do(self._end.close)

    def _do(self, act: Callable[[], None]) -> None:
        try:
            act()
        except StorageError as error:
            if self._is_whole:
                self._is_whole = False
                self._on_loss(f"the log has a gap: {error}")


class _End(Protocol):
    """Where lines are added; both methods raise StorageError in one line."""

    def add(self, text: str) -> None:
        """Adds whole lines."""

    def close(self) -> None:
        """Writes what is not written yet."""


class _File:
    """The end of a file, which the operating system has as soon as a line is added."""

    def __init__(self, path: Path) -> None:
        self._path, self._has_folder = path, False

    def add(self, text: str) -> None:
        try:
            if not self._has_folder:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._has_folder = True
            with self._path.open("a") as file:
                file.write(text)
        except FileNotFoundError:
            return  # the folder was removed since, which the sweep says itself
        except OSError as error:
            raise storage_error(self._path, error) from error

    def close(self) -> None:
        pass


class _Object:
    """The end of an object, which is written as a whole, `UPLOAD_S` after a line at the latest."""

    def __init__(self, path: ObjectPath) -> None:
        self._path, self._lock = path, threading.Lock()
        self._text: str | None = None
        self._timer: threading.Timer | None = None
        self._lost: StorageError | None = None

    def add(self, text: str) -> None:
        with self._lock:
            self._text = (self._before() if self._text is None else self._text) + text
            if self._timer is None:
                self._timer = threading.Timer(UPLOAD_S, self._upload_later)
                self._timer.daemon = True
                self._timer.start()
            lost, self._lost = self._lost, None
        if lost is not None:
            raise lost

    def close(self) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._upload()

    def _before(self) -> str:
        try:
            return self._path.read_text()
        except FileNotFoundError:
            return ""

    def _upload_later(self) -> None:
        with self._lock:
            if self._timer is not None:  # else the log was closed meanwhile
                try:
                    self._upload()
                except StorageError as error:
                    self._lost = error  # told with the next line, by the thread that writes it

    def _upload(self) -> None:
        self._timer = None
        self._path.write_bytes((self._text or "").encode())

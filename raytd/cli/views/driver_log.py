"""What `raytd sweep` tells, kept line by line in the folder of the sweep."""

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from raytd.cli.views.events import Plain, View
from raytd.errors import RaytdError
from raytd.storage.log_file import Level, LogFile, this_process, utc_now
from raytd.storage.path import StoragePath

NAME = "sweep.log"

STANDING_EVERY_S = 300.0
"""Seconds between two lines that say how far the sweep is."""


class Logged(View):
    """Another view, whose lines are kept in a log as soon as it is known where.

    Args:
        view: shows the events.
    """

    def __init__(self, view: View) -> None:
        self._view, self._lines = view, Plain(every_s=STANDING_EVERY_S)
        self._early: list[tuple[Level, str, datetime]] = [("INFO", this_process(), utc_now())]
        self._log: LogFile | None = None
        self._is_over = False

    def open(self) -> None:
        """A command begins."""
        self._view.open()

    def show(self, event: str, fields: Mapping[str, Any]) -> None:
        """Shows an event, and keeps the lines that it is worth."""
        self._view.show(event, fields)
        for line in self._lines.worth(event, fields):
            self.keep(_level(event, fields), line)
        if event == "finish" and not fields["message"]:
            self.keep(
                _level(event, fields), "{status}: {done} done, {failed} failed".format_map(fields)
            )

    def close(self) -> None:
        """Nothing follows in the view; what comes yet is kept."""
        self._view.close()

    def keep_in(self, folder: StoragePath) -> None:
        """From now on lines are written into the log of this sweep, those so far at first."""
        self._log = LogFile(
            folder / NAME, on_loss=lambda text: self._view.show("warning", {"message": text})
        )
        for line in self._early:
            self._log.write(*line)

    def end_log(self) -> None:
        """All lines are written when this returns, and no more are kept."""
        self._is_over = True
        if self._log is not None:
            self._log.close()

    def keep(self, level: Level, line: str) -> None:
        """Keeps a line, whether or not the view shows it."""
        if self._is_over:
            return
        if self._log is None:
            self._early.append((level, line, utc_now()))
        else:
            self._log.write(level, line)


@contextmanager
def logged(view: View) -> Iterator[Logged]:
    """The same view with a log; an error that ends the block is kept in it."""
    kept = Logged(view)
    try:
        yield kept
    except RaytdError as error:
        kept.keep("ERROR", str(error))
        raise
    except Exception:
        kept.keep("ERROR", traceback.format_exc())
        raise
    finally:
        kept.end_log()


def _level(event: str, fields: Mapping[str, Any]) -> Level:
    training_failed = event == "trained" and fields["message"].startswith("failed")
    if event == "error" or training_failed or fields.get("status") == "failed":
        return "ERROR"
    return "WARNING" if event == "warning" else "INFO"

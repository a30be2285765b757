"""The log of a trial, `log.txt` in its folder, which is written while the trial runs."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from raytd.rows.row import Figures, Row
from raytd.storage.log_file import Level, LogFile, this_process
from raytd.storage.path import StoragePath

PLACE_EVERY_S = 60.0
"""Seconds between two lines that say which segment a trial has reached."""


class TrialLog:
    """The log of a trial.

    Args:
        path: of the log.
        clock: seconds that pass.

    Attributes:
        notes: what the user should know beside the figures.
    """

    def __init__(self, path: StoragePath, clock: Callable[[], float] = time.monotonic) -> None:
        self.notes: list[str] = []
        self._file = LogFile(path, on_loss=self.notes.append)
        self._clock = clock
        self._placed_at = clock()

    def place(self, place: tuple[int, int]) -> None:
        """Iteration and segment that the trial has reached; most calls write nothing."""
        if self._clock() - self._placed_at >= PLACE_EVERY_S:
            self._placed_at = self._clock()
            self._file.write("INFO", f"iteration {place[0]}, segment {place[1]}")

    def add(self, figures: Figures) -> None:
        """An iteration has ended with these figures."""
        shown = ", ".join(
            f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in figures.items()
            if value is not None
        )
        self._file.write("INFO", shown)

    def note(self, text: str) -> None:
        """Something that the user should know."""
        self.notes.append(text)
        self._file.write("WARNING", text)

    def end(self, row: Row, warnings: Sequence[str]) -> None:
        """The trial has a result; warnings that have been noted stand above already."""
        for warning in warnings:
            if warning not in self.notes:
                self._file.write("WARNING", warning)
        unit = "" if row["unit"] == "1" else f" {row['unit']}"
        self._file.write("INFO", f"done: {row['value']:.6g}{unit}, {row['wall_s']:.1f} s")
        self._file.close()

    def fail(self, text: str) -> None:
        """The trial has failed, with this traceback."""
        self._file.write("ERROR", text)
        self._file.close()

    @contextmanager
    def opened(self, name: str) -> Iterator[None]:
        """Within the block the trial of that name runs in this process.

        What our own code warns of meanwhile is in the log.
        """
        self._file.write("INFO", f"{name}: {this_process()}")
        handler = _Handler(self._file)
        logger = logging.getLogger("raytd")
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)


class _Handler(logging.Handler):
    """Writes what the logger `raytd` is told into a log."""

    def __init__(self, file: LogFile) -> None:
        super().__init__(logging.WARNING)
        self._file = file

    def emit(self, record: logging.LogRecord) -> None:
        level: Level = "ERROR" if record.levelno >= logging.ERROR else "WARNING"
        self._file.write(level, record.getMessage())

"""What happens while a sweep runs, as events; each view shows them in its own way."""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import click

from raytd.cli.views.standing import Standing
from raytd.words import harmless

Mode = Literal["auto", "rich", "plain", "jsonl", "none"]
MODES: tuple[Mode, ...] = ("auto", "rich", "plain", "jsonl", "none")


class View:
    """Shows events; most views have nothing to open and nothing to close."""

    def open(self) -> None:
        """A command begins."""

    def show(self, event: str, fields: Mapping[str, Any]) -> None:
        """An event with its fields; the README lists them."""

    def close(self) -> None:
        """Nothing follows, or nothing but the results."""


class Nothing(View):
    """Shows failures of the command itself and nothing else."""

    def show(self, event: str, fields: Mapping[str, Any]) -> None:
        """Forgets it, unless it is an error."""
        if event == "error":
            click.echo(fields["message"], err=True)


PROGRESS_EVERY_S = 30.0
"""Seconds between two plain lines that say how far things are."""


class Plain(View):
    """One line for what begins, ends, is waited for or goes wrong, on standard error.

    A line in between says how far everything is, now and then.

    Args:
        clock: seconds that pass.
        every_s: seconds between two such lines.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, every_s: float = PROGRESS_EVERY_S
    ) -> None:
        self._standing, self._clock, self._every_s = Standing(clock), clock, every_s
        self._told_at = clock()

    def show(self, event: str, fields: Mapping[str, Any]) -> None:
        """Writes what an event is worth."""
        for line in self.worth(event, fields):
            click.echo(line, err=True)

    def worth(self, event: str, fields: Mapping[str, Any]) -> Iterator[str]:
        """The line that an event is worth, and how far things are if it is time to say so."""
        is_new = event != "training" or fields["network"] not in self._standing.training
        self._standing.take(event, fields)
        line = in_words(event, fields) if is_new else None
        if line is not None:
            yield harmless(line)
        if "left_s" in fields and self._clock() - self._told_at >= self._every_s:
            self._told_at = self._clock()
            yield self._standing.line()


class JsonLines(View):
    """One JSON object a line, on standard error.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._began = clock, clock()

    def show(self, event: str, fields: Mapping[str, Any]) -> None:
        """Writes the event as it is."""
        now = self._clock()
        times = {"time": round(now, 3), "elapsed_s": round(now - self._began, 1)}
        content = {"event": event, **times, **fields}
        click.echo(json.dumps(content), err=True)


def open_view(mode: Mode) -> View:
    """The view of that name; `auto` is `rich` on a terminal that can draw, else `plain`."""
    if mode == "auto":
        can_draw = sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")
        mode = "rich" if can_draw else "plain"
    if mode == "rich":
        from raytd.cli.views.live import Live

        return Live()
    if mode == "jsonl":
        return JsonLines()
    return Plain() if mode == "plain" else Nothing()


@contextmanager
def opened(mode: Mode) -> Iterator[View]:
    """A view that is closed at the end of the block; warnings of our own code are shown in it."""
    view = open_view(mode)
    view.open()
    try:
        with warnings_in(view):
            yield view
    finally:
        view.close()


@contextmanager
def warnings_in(view: View) -> Iterator[None]:
    """Shows what our own code warns of as events."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            view.show("warning", {"message": record.getMessage()})

    logger, handler = logging.getLogger("raytd"), Handler(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def doing(view: View, what: str) -> None:
    """Shows what begins now, where no other event says so."""
    view.show("doing", {"message": what})


def in_words(event: str, fields: Mapping[str, Any]) -> str | None:
    """The line that an event is worth; None for one that is not."""
    if event == "sweep":
        profile = fields["profile"]
        written = f"profile {profile}" if profile else "the file as written"
        return f"{fields['name']}: {written} ({fields['reason']})"
    if event == "training":
        name, of = fields["network"], fields["networks"]
        return f"network {fields['number']} of {of} is being trained: {name}"
    if event == "trained":
        count = f"[{fields['n_ended']}/{fields['networks']}]"
        what = "weights of" if fields["supplied"] else "training"
        return f"{count} {what} {fields['network']}: {fields['message']}"
    if event == "end":
        return end_line(fields)
    message: str | None = fields.get("message")
    return message


def with_error(value: float, error: float | None) -> str:
    """A figure with its standard error, where that is known."""
    return f"{value:.3f}" + ("" if error is None else f" ± {error:.2g}")


def end_line(fields: Mapping[str, Any]) -> str:
    """A trial that has ended; a failed one with the path of its log."""
    count = f"[{fields['n_ended']}/{fields['n_to_run']}] {fields['trial']}"
    if fields["status"] == "done":
        unit = "" if fields["unit"] == "1" else f" {fields['unit']}"
        value = with_error(fields["value"], fields["value_error"])
        return f"{count}: {value}{unit} in {fields['wall_s']:.1f} s"
    log = fields["log"]
    return f"{count}: failed: {fields['error']}" + (f" ({log})" if log else "")

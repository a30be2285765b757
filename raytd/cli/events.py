"""What happens while a sweep runs, as events; each view shows them in its own way."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

import click

Mode = Literal["auto", "rich", "plain", "jsonl", "none"]
MODES: tuple[Mode, ...] = ("auto", "rich", "plain", "jsonl", "none")

FIELDS: dict[str, tuple[str, ...]] = {
    "sweep": ("name", "profile", "reason"),
    "data": ("message",),
    "plan": ("trials", "done", "to_run", "failed", "left", "message"),
    "trained": ("network", "message"),
    "begin": ("trial_key", "trial", "left_s"),
    "segment": ("trial_key", "trial", "iteration", "segment", "segments", "left_s"),
    "iteration": ("trial_key", "trial", "iteration", "distance", "target_accuracy", "left_s"),
    "end": (
        "trial_key", "trial", "status", "value", "unit", "wall_s", "error", "log",
        "n_ended", "n_to_run", "left_s",
    ),
    "wait": ("message",),
    "warning": ("message",),
    "error": ("message",),
    "finish": ("status", "done", "failed", "message"),
}  # fmt: skip
"""The fields of each event beside `event` and `time`, which all of them have."""


class View(Protocol):
    """Shows events."""

    def show(self, event: str, fields: Mapping[str, Any]) -> None:
        """An event of `FIELDS` with its fields."""

    def close(self) -> None:
        """Nothing follows, or nothing but the results."""


class Nothing:
    """Shows failures of the command itself and nothing else."""

    def show(self, event: str, fields: Mapping[str, Any]) -> None:
        """Forgets it, unless it is an error."""
        if event == "error":
            click.echo(fields["message"], err=True)

    def close(self) -> None:
        """Nothing to be done."""


class Plain:
    """One line for what ends, is waited for, or goes wrong, on standard error."""

    def show(self, event: str, fields: Mapping[str, Any]) -> None:
        """Writes the line that an event is worth, if it is worth one."""
        line = in_words(event, fields)
        if line is not None:
            click.echo(line, err=True)

    def close(self) -> None:
        """Nothing to be done."""


class JsonLines:
    """One JSON object a line, on standard error.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock

    def show(self, event: str, fields: Mapping[str, Any]) -> None:
        """Writes the event as it is."""
        content = {"event": event, "time": round(self._clock(), 3), **fields}
        click.echo(json.dumps(content), err=True)

    def close(self) -> None:
        """Nothing to be done."""


def open_view(mode: Mode) -> View:
    """The view of that name; `auto` is `rich` on a terminal and `plain` elsewhere."""
    if mode == "auto":
        mode = "rich" if sys.stderr.isatty() else "plain"
    if mode == "rich":
        from raytd.cli.live import Live

        return Live()
    if mode == "jsonl":
        return JsonLines()
    return Plain() if mode == "plain" else Nothing()


def in_words(event: str, fields: Mapping[str, Any]) -> str | None:
    """The line that an event is worth; None for one that is not."""
    if event == "sweep":
        profile = fields["profile"]
        written = f"profile {profile}" if profile else "the file as written"
        return f"{fields['name']}: {written} ({fields['reason']})"
    if event == "trained":
        return f"training {fields['network']}: {fields['message']}"
    if event == "end":
        return end_line(fields)
    message: str | None = fields.get("message")
    return message


def end_line(fields: Mapping[str, Any]) -> str:
    """A trial that has ended; a failed one with the path of its log."""
    count = f"[{fields['n_ended']}/{fields['n_to_run']}] {fields['trial']}"
    if fields["status"] == "done":
        unit = "" if fields["unit"] == "1" else f" {fields['unit']}"
        return f"{count}  {fields['value']:.3f}{unit}  {fields['wall_s']:.1f} s"
    log = fields["log"]
    return f"{count}  failed: {fields['error']}" + (f"  ({log})" if log else "")


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever reads best."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"

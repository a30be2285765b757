"""A command on a terminal: what runs and how far it is, what is left, and when it ends."""

import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.constrain import Constrain
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from raytd.cli.terminal import open_console
from raytd.cli.views.events import View, in_words, with_error
from raytd.cli.views.standing import Standing
from raytd.words import harmless

_SHOWN = 20
"""Running trials and trainings that have a line of their own, where the window is high enough."""

_AROUND = 4
"""Lines of the window that the drawing leaves to what stands above it, and to its own headline."""

_ECHO = 3
"""Columns that stay free: a last row that wraps when Ctrl-C is echoed could not be erased."""

_BROAD = 110
"""Columns in which the name of a trial stands on one line beside its place."""

_LASTING = ("file", "sweep", "data", "plan", "wait", "warning", "error", "finish")


class Live(View):
    """Draws the state of a command below the lines that stay: failures, waits and warnings.

    A line that stays is left to the terminal to wrap, so that it can be copied as a whole; the
    drawing is never wider or higher than the window. What anything else prints while it is there
    goes above it.

    Args:
        console: to draw on.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or open_console(stderr=True)
        self._standing = Standing()
        self._live = RichLive(
            get_renderable=self.picture,
            console=self.console,
            refresh_per_second=2,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def open(self) -> None:
        """Begins to draw."""
        for name in ("stdout", "stderr"):
            setattr(sys, name, _Above(getattr(sys, name), self._live))
        self._live.start(refresh=True)

    def show(self, event: str, fields: Mapping[str, Any]) -> None:
        """Draws what has changed; what must not be missed is written above."""
        lasts = event in _LASTING or (event == "doing" and not self._live.is_started)
        line = in_words(event, fields)
        if line and (lasts or (event == "end" and fields["status"] != "done")):
            style = "red" if event == "end" else ""
            self.console.print(Text(harmless(line), style=style), soft_wrap=True)
        self._standing.take(event, fields)

    def close(self) -> None:
        """Takes the drawing away; the lines above it stay."""
        self._live.stop()
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if isinstance(stream, _Above):  # else somebody has wrapped it, and passes things on
                stream.flush()
                setattr(sys, name, stream.rich_proxied_file)

    def picture(self) -> Constrain:
        """What is drawn now, with room behind it for the `^C` that a terminal writes by itself."""
        table = Table.grid(padding=(0, 2))
        rows = [self._training_row(t) for t in self._standing.training.values()]
        rows += [self._trial_row(t) for t in self._standing.running.values()]
        high = 1 if self.console.width >= _BROAD else 2
        room = max(1, min(_SHOWN, (self.console.height - _AROUND) // high))
        for row in rows[:room]:
            table.add_row(*row)
        more = len(rows) - room
        lines: list[Any] = [Text(self._standing.headline(), style="bold"), table]
        whole = Group(*lines, *([Text(f"and {more} more")] if more > 0 else []))
        return Constrain(whole, max(1, self.console.width - _ECHO))

    def _training_row(self, state: Mapping[str, Any]) -> list[Any]:
        epoch, epochs = state["epoch"], state["epochs"]
        return [
            Text(state["network"], overflow="fold"),
            Text(f"network {state['number']}/{state['networks']}", no_wrap=True),
            self._bar(epochs, epoch - 1),
            Text(f"epoch {epoch}/{epochs}", no_wrap=True),
        ]

    def _trial_row(self, state: Mapping[str, Any]) -> list[Any]:
        segment, segments = state.get("segment", 0), state.get("segments", 1)
        reached = state.get("distance")
        distance = "" if reached is None else with_error(reached, state["distance_error"]) + " rad"
        return [
            Text(state["trial"], overflow="fold"),
            Text(f"iteration {state.get('iteration', 0)}", no_wrap=True),
            self._bar(segments, segment),
            Text(
                f"segment {segment}/{segments}" if "segments" in state else "starting", no_wrap=True
            ),
            Text(distance, no_wrap=True),
        ]

    def _bar(self, total: float, completed: float) -> ProgressBar:
        width = 16 if self.console.width >= _BROAD else 8
        return ProgressBar(total=total, completed=completed, width=width)


class _Above:
    """A stream that hands whole lines to a drawing, and is the old stream where nothing is drawn.

    Libraries keep the stream that they find, and write to it after the drawing has gone.

    Attributes:
        rich_proxied_file: the old stream; rich looks for this name and writes there.
    """

    def __init__(self, stream: Any, live: RichLive) -> None:
        self.rich_proxied_file, self._live, self._begun = stream, live, ""

    def write(self, text: str) -> int:
        """Writes what ends a line; the rest comes with its end."""
        *lines, begun = (self._begun + text).split("\n")
        if self._live.is_started:
            self._begun = begun
            for line in lines:
                self._live.console.print(Text.from_ansi(line), soft_wrap=True)
        else:
            self.rich_proxied_file.write(self._begun + text)
            self._begun = ""
        return len(text)

    def flush(self) -> None:
        """Writes the beginning of a line where nothing is drawn."""
        if not self._live.is_started:
            self.write("")
        self.rich_proxied_file.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)

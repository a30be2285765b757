"""A sweep on a terminal: what runs and how far it is, what is left, and when it ends."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from raytd.cli.events import duration, in_words

_SHOWN = 20
"""Running trials that have a line of their own."""

_LASTING = ("sweep", "data", "plan", "wait", "warning", "error", "finish")


class Live:
    """Draws the state of a sweep below the lines that stay: failures, waits and warnings.

    Args:
        console: to draw on.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._running: dict[str, dict[str, Any]] = {}
        self._plan: dict[str, Any] = {}
        self._done = self._failed = 0
        self._training = ""
        self._left: tuple[float, float] | None = None
        self._live = RichLive(
            get_renderable=self.picture, console=self.console, refresh_per_second=2, transient=True
        )

    def show(self, event: str, fields: Mapping[str, Any]) -> None:
        """Draws what has changed; what must not be missed is written above."""
        if event in _LASTING or (event == "end" and fields["status"] != "done"):
            self.console.print(
                Text(in_words(event, fields) or "", style="red" if event == "end" else ""),
                soft_wrap=True,
            )
        getattr(self, f"_on_{event}", lambda _: None)(fields)
        if fields.get("left_s") is not None:
            self._left = (time.monotonic(), fields["left_s"])

    def close(self) -> None:
        """Takes the drawing away; the lines above it stay."""
        self._live.stop()

    def picture(self) -> Group:
        """What is drawn now."""
        table = Table.grid(padding=(0, 2))
        for state in list(self._running.values())[:_SHOWN]:
            table.add_row(*self._row(state))
        more = len(self._running) - _SHOWN
        lines: list[Any] = [Text(self._headline(), style="bold"), table]
        return Group(*lines, *([Text(f"and {more} more")] if more > 0 else []))

    def _row(self, state: Mapping[str, Any]) -> list[Any]:
        segment, segments = state.get("segment", 0), state.get("segments", 1)
        distance = state.get("distance")
        return [
            Text(state["trial"], overflow="ellipsis", no_wrap=True),
            Text(f"iteration {state.get('iteration', 0)}"),
            ProgressBar(total=segments, completed=segment, width=16),
            Text(f"segment {segment}/{segments}" if "segments" in state else "starting"),
            Text("" if distance is None else f"{distance:.3f} rad"),
        ]

    def _headline(self) -> str:
        plan = self._plan
        if not plan:
            return ""
        waiting = max(0, plan["to_run"] - self._done - self._failed - len(self._running))
        parts = [f"{len(self._running)} running", f"{waiting} waiting"]
        parts += [f"{plan['done'] + self._done} done", f"{plan['left'] + self._failed} failed"]
        if not self._running and self._training:
            parts.append(self._training)
        if self._left is not None:
            at, left_s = self._left
            left_s = max(0.0, left_s - (time.monotonic() - at))
            end = datetime.now() + timedelta(seconds=left_s)
            parts.append(f"about {duration(left_s)} left, until {end:%H:%M}")
        return ", ".join(parts)

    def _on_plan(self, fields: Mapping[str, Any]) -> None:
        self._plan = dict(fields)
        if fields["to_run"]:
            self._live.start()

    def _on_trained(self, fields: Mapping[str, Any]) -> None:
        self._training = f"trained {fields['network']}: {fields['message']}"

    def _on_begin(self, fields: Mapping[str, Any]) -> None:
        self._running[fields["trial_key"]] = dict(fields)

    def _on_segment(self, fields: Mapping[str, Any]) -> None:
        self._running.setdefault(fields["trial_key"], {}).update(fields)

    def _on_iteration(self, fields: Mapping[str, Any]) -> None:
        own = self._running.setdefault(fields["trial_key"], {})
        own.update(trial=fields["trial"], distance=fields["distance"])

    def _on_end(self, fields: Mapping[str, Any]) -> None:
        self._running.pop(fields["trial_key"], None)
        done = fields["status"] == "done"
        self._done, self._failed = self._done + done, self._failed + (not done)

    def _on_finish(self, _: Mapping[str, Any]) -> None:
        self._live.stop()

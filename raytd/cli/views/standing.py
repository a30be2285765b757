"""Where a command stands, by the events so far: what views draw, or say in a line now and then."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from raytd.words import counted

Facts = dict[str, Any]


class Standing:
    """Takes events in, and knows what runs, what has ended and what is left.

    Args:
        clock: seconds that pass.

    Attributes:
        running: the last facts of each trial that runs, by its key.
        training: likewise of each network that is being trained, by its name.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._began = clock, clock()
        self.running: dict[str, Facts] = {}
        self.training: dict[str, Facts] = {}
        self._doing = "starting"
        self._plan: Facts = {}
        self._done = self._failed = self._trained = 0
        self._left_at = clock()
        self._left_s: float | None = None
        self._training_left_s: float | None = None

    def take(self, event: str, fields: Mapping[str, Any]) -> None:
        """An event with its fields; the README lists them."""
        getattr(self, f"_on_{event}", lambda _: None)(fields)
        if "left_s" in fields:
            self._left_at = self._clock()
            self._left_s, self._training_left_s = fields["left_s"], fields.get("training_left_s")

    def elapsed_s(self) -> float:
        """Seconds since the command began."""
        return self._clock() - self._began

    def headline(self) -> str:
        """What goes on, how long it has taken and how long it will take, in one line."""
        parts = [self._what(), f"{duration(self.elapsed_s())} so far"]
        passed_s = self._clock() - self._left_at
        if self._left_s is not None:
            left_s = max(0.0, self._left_s - passed_s)
            end = datetime.now() + timedelta(seconds=left_s)
            parts.append(f"about {duration(left_s)} left, until {end:%H:%M}")
        elif self._training_left_s:
            left_s = max(0.0, self._training_left_s - passed_s)
            parts.append(f"trained in about {duration(left_s)}")
        return ", ".join(part for part in parts if part)

    def line(self) -> str:
        """The headline, and the place of what runs, of the first where it is many."""
        places = [_training_place(t) for t in self.training.values()]
        places += [_trial_place(t) for t in self.running.values()]
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        return self.headline() + (f"; {places[0]}{more}" if places else "")

    def _what(self) -> str:
        if self._doing and not (self.training or self.running):
            return self._doing
        if self.training:
            of = next(iter(self.training.values()))["networks"]
            trained = f"{self._trained} of {counted(of, 'network')} trained"
            return f"{trained}, {len(self.training)} in training"
        plan = self._plan
        if not plan:
            return ""
        waiting = max(0, plan["to_run"] - self._done - self._failed - len(self.running))
        return (
            f"{len(self.running)} running, {waiting} waiting, {plan['done'] + self._done} done, "
            f"{plan['left'] + self._failed} failed"
        )

    def _on_doing(self, fields: Mapping[str, Any]) -> None:
        self._doing = fields["message"]

    def _on_wait(self, _: Mapping[str, Any]) -> None:
        if self._doing:
            self._doing = "waiting"

    def _on_plan(self, fields: Mapping[str, Any]) -> None:
        self._plan = dict(fields)

    def _on_training(self, fields: Mapping[str, Any]) -> None:
        self._begin()
        self.training[fields["network"]] = dict(fields)

    def _on_trained(self, fields: Mapping[str, Any]) -> None:
        self._begin()
        self._trained = fields["n_ended"]
        self.training.pop(fields["network"], None)

    def _on_begin(self, fields: Mapping[str, Any]) -> None:
        self._begin()
        self.running[fields["trial_key"]] = dict(fields)

    def _on_segment(self, fields: Mapping[str, Any]) -> None:
        self._begin()
        self.running.setdefault(fields["trial_key"], {}).update(fields)

    def _begin(self) -> None:
        """From now on the counts of a sweep say what goes on; what has none still does the same."""
        if self._plan:
            self._doing = ""

    def _on_iteration(self, fields: Mapping[str, Any]) -> None:
        own = self.running.setdefault(fields["trial_key"], {})
        own |= {name: fields[name] for name in ("trial", "distance", "distance_error")}

    def _on_end(self, fields: Mapping[str, Any]) -> None:
        self.running.pop(fields["trial_key"], None)
        done = fields["status"] == "done"
        self._done, self._failed = self._done + done, self._failed + (not done)


def _training_place(facts: Mapping[str, Any]) -> str:
    place = f"network {facts['number']} of {facts['networks']}, {facts['network']}"
    return f"{place}: epoch {facts['epoch']} of {facts['epochs']}"


def _trial_place(facts: Mapping[str, Any]) -> str:
    if "segments" not in facts:
        return f"{facts['trial']}: starting"
    place = f"iteration {facts['iteration']}, segment {facts['segment']} of {facts['segments']}"
    return f"{facts['trial']}: {place}"


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever reads best."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"

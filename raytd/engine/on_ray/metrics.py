"""What a site may scrape of a sweep: numbers that Ray's agents hand to Prometheus.

Ray puts `ray_` before the names and `_total` behind those of counters. deploy/grafana.json draws
them. Nothing is counted without the name of a sweep.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

State = Literal["waiting", "running", "done", "failed"]
Lost = Literal["block actor", "coordinator", "trial process"]

MEANINGS = {
    "raytd_trials": "Trials of a sweep, by state.",
    "raytd_segments": "Segments of a trajectory that blocks have advanced.",
    "raytd_waited_seconds": "Seconds in which nothing of a sweep ran, because it had no place.",
    "raytd_losses": "Processes that were lost or hung, and were started again.",
    "raytd_bytes": "Bytes of states that a coordinator has sent to its blocks or got from them.",
}


def show_trials(sweep: str, numbers: Mapping[State, int]) -> None:
    """How many trials are in which state now."""
    for state, number in numbers.items():
        _metric("Gauge", "raytd_trials").set(number, {"sweep": sweep, "state": state})


def count_segment(sweep: str) -> None:
    """A block has advanced through a segment."""
    _count("raytd_segments", 1, sweep=sweep)


def count_wait(sweep: str, seconds: float) -> None:
    """Nothing of a sweep could run for so many seconds more."""
    _count("raytd_waited_seconds", seconds, sweep=sweep)


def count_loss(sweep: str, what: Lost) -> None:
    """A process was lost or hung."""
    _count("raytd_losses", 1, sweep=sweep, what=what)


def count_bytes(sweep: str, direction: Literal["to", "from"], number: int) -> None:
    """A coordinator has sent so many bytes to its blocks, or got them from one."""
    _count("raytd_bytes", number, sweep=sweep, direction=direction)


_TAGS = {
    "raytd_trials": ("sweep", "state"),
    "raytd_losses": ("sweep", "what"),
    "raytd_bytes": ("sweep", "direction"),
}


def _count(name: str, number: float, **tags: str) -> None:
    if number > 0 and tags["sweep"]:  # Ray refuses to count nothing
        _metric("Counter", name).inc(number, tags)


@cache
def _metric(kind: str, name: str) -> Any:
    """A metric of Ray, made once in a process."""
    from ray.util import metrics

    return getattr(metrics, kind)(name, MEANINGS[name], _TAGS.get(name, ("sweep",)))

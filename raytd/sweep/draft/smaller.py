"""Settings with which a sweep that takes too long on this machine ends in time."""

import json
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from raytd.errors import RequestError
from raytd.methods.registry import METHODS
from raytd.sweep.draft.effort import FULL, Effort, rungs
from raytd.sweep.file.spec import SweepSpec

NIGHT_S = 8 * 3600.0
"""Seconds that a sweep may take before smaller settings are named."""

Seconds = Callable[[tuple[str, ...]], float | None]
"""How long a sweep takes with some `key.path=value` laid over it; None if nobody knows.

It raises a RequestError where the sweep does not take them."""


@dataclass(frozen=True)
class Smaller:
    """Settings of less effort.

    Attributes:
        settings: each as `key.path=value`.
        duration_s: that the sweep takes with them.
    """

    settings: tuple[str, ...]
    duration_s: float


def smaller(spec: SweepSpec, budget_s: float, seconds: Seconds) -> Smaller | None:
    """The greatest effort of a drafted sweep that fits into the budget, or else the least.

    No setting becomes larger than it is. Batches, tiles, images' sizes and networks stay, so that
    speeds that were measured hold.

    Args:
        spec: the sweep that takes too long.
        budget_s: seconds that it may take.
        seconds: of the sweep with other settings.

    Returns:
        None if nothing can be made smaller, or nobody knows how long that takes.
    """
    found: Smaller | None = None
    for effort in (FULL, *rungs(last=True)):
        settings, duration_s = _taken(_less(spec, effort), seconds)
        if settings and duration_s is not None:
            found = Smaller(settings, duration_s)
            if duration_s <= budget_s:
                break
    return found


def as_settings(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Each key with its value as `--set` takes them."""
    return tuple(
        f"{key}={json.dumps(value, separators=(',', ':'))}" for key, value in values.items()
    )


def _less(spec: SweepSpec, effort: Effort) -> dict[str, Any]:
    """Keys of the sweep that are larger than an effort has them, with the value of the effort."""
    wanted = {
        "pretrain.epochs": effort.epochs,
        "trajectory.steps": effort.steps,
        "trajectory.segments": effort.segments,
        "coupled.iterations": effort.iterations,
        "transfer.repeats": effort.repeats,
    }
    less = {
        key: value
        for key, value in wanted.items()
        if key not in spec.grid and any(METHODS[method].reads(key) for method in spec.methods)
        if _number(spec, key) > value
    }
    for key, images in (("train", effort.images), ("val", effort.val)):
        common = getattr(spec.data, key)
        if (common or math.inf) > images and any(getattr(t, key) == common for t in spec.tasks):
            less[f"data.{key}"] = images
    seeds = spec.grid.get("seed", ())
    return less | ({"grid.seed": seeds[: effort.seeds]} if len(seeds) > effort.seeds else {})


def _number(spec: SweepSpec, key: str) -> float:
    """What the sweep has for a key; infinite where it leaves that open."""
    section, _, name = key.partition(".")
    value = getattr(getattr(spec, section), name)
    return math.inf if value is None else float(value)


def _taken(less: Mapping[str, Any], seconds: Seconds) -> tuple[tuple[str, ...], float | None]:
    """All of the settings or, where they are refused, those that are not; and how long that is."""
    words = as_settings(less)
    with suppress(RequestError):
        return words, seconds(words)
    taken, duration_s = tuple[str, ...](), None
    for word in words:
        with suppress(RequestError):
            duration_s = seconds((*taken, word))
            taken = (*taken, word)
    return taken, duration_s

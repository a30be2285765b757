"""How much a first sweep may do on this machine, by the estimate of `raytd plan`."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from raytd.errors import RequestError
from raytd.sweep.cluster.connection import Node
from raytd.sweep.cost.plan_figures import outlook
from raytd.sweep.draft.effort import SIDES, Effort, rungs
from raytd.sweep.draft.settings import longest_side
from raytd.sweep.draft.text import Draft, sweep_text
from raytd.sweep.file.load import load_sweep
from raytd.sweep.trials.plan import Read, make_plan
from raytd.words import counted

BUDGET_S = 300.0
"""Seconds to a first answer."""


@dataclass(frozen=True)
class Sized:
    """A draft with as much in its profile `cpu` as there is time for.

    Attributes:
        text: of the file.
        trials: how many the profile has.
        duration_s: that they take, by the plan.
        cpus: of this machine.
    """

    text: str
    trials: int
    duration_s: float
    cpus: float

    @property
    def fits(self) -> bool:
        """Whether there is a first answer in time."""
        return self.duration_s <= BUDGET_S

    @property
    def summary(self) -> str:
        """What the profile does, and how long that takes."""
        minutes = math.ceil(self.duration_s / 30) / 2
        about = "a minute" if minutes <= 1 else f"{minutes:g} minutes"
        return f"{counted(self.trials, 'trial')}, about {about} on {counted(self.cpus, 'CPU')}"


def sized(
    draft: Draft,
    *,
    folder: Path,
    data: Path,
    nodes: Sequence[Node],
    read: Read,
    tell: Callable[[str], None],
) -> Sized:
    """The greatest effort that fits, or else the least of all.

    Each one is written, loaded and planned as the user's file will be. Images are made smaller
    only where little would be done with larger ones.

    Args:
        draft: what the file says.
        folder: of this process alone, where it may write.
        data: root of the data sets.
        nodes: what this machine has, without its GPUs.
        read: reads a data set.
        tell: is told what is being timed.

    Raises:
        RequestError: if the first of them is no sweep.
    """
    found: Sized | None = None
    file, cpus = folder / f"{draft.name}.yaml", sum(node["CPU"] for node in nodes)
    for effort, side in _steps(longest_side(draft.supplies)):
        file.write_text(sweep_text(draft, effort, side, ""), encoding="utf-8")
        try:
            spec = load_sweep(file, profile="cpu", has_gpu=lambda: False).spec
            plan = make_plan(spec, data=data, storage=folder, nodes=nodes, read=read)
        except RequestError:
            if found is None:
                raise
            break  # a network that needs larger images than these
        figures = outlook(plan, nodes=nodes, tell=tell)
        found = Sized("", figures["n_trials"], figures["duration_s"], cpus)
        found = replace(found, text=sweep_text(draft, effort, side, found.summary))
        if found.fits:
            break
    assert found is not None
    return found


def _steps(longest: int) -> Iterator[tuple[Effort, int]]:
    """Efforts with sides of images, the greatest first; nothing is made larger than it is."""
    sides = [side for side in SIDES if side <= max(longest, SIDES[-1])]
    if longest < SIDES[0] and longest not in sides:
        sides.insert(0, longest)
    sides.sort(reverse=True)
    for side in sides:
        for effort in rungs(last=side == sides[-1]):
            yield effort, side

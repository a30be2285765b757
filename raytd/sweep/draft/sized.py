"""How much a first sweep may do on this machine, by the estimate of `raytd plan`."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from raytd.errors import RequestError
from raytd.sweep.cluster.connection import Node
from raytd.sweep.cost.plan_figures import outlook
from raytd.sweep.draft.effort import SIDES, Effort, rungs
from raytd.sweep.draft.settings import longest_side, sections
from raytd.sweep.draft.text import Draft, sweep_text
from raytd.sweep.file.load import load_sweep
from raytd.sweep.file.spec import SweepSpec
from raytd.sweep.trials.plan import Read, SweepPlan, make_plan
from raytd.words import counted

BUDGET_S = 300.0
"""Seconds to a first answer."""

QUICK = "cpu"
"""The profile of a drafted file that gives one."""


@dataclass(frozen=True)
class Sized:
    """A draft with as much in its profile `cpu` as there is time for.

    Attributes:
        text: of the file.
        plan: of that profile.
        settings: its sections that say how much is done.
        duration_s: that it takes, by the plan.
        cpus: of this machine.
    """

    text: str
    plan: SweepPlan
    settings: Mapping[str, Mapping[str, Any]]
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
        trials = counted(len(self.plan.trials), "trial")
        return f"{trials}, about {about} on {counted(self.cpus, 'CPU')}"


def quick_spec(file: Path) -> SweepSpec:
    """What a drafted file asks of a machine without a GPU."""
    return load_sweep(file, profile=QUICK, has_gpu=lambda: False).spec


def sized(  # noqa: PLR0913
    draft: Draft,
    *,
    folder: Path,
    data: Path,
    nodes: Sequence[Node],
    read: Read,
    tell: Callable[[str], None],
    spec_of: Callable[[Path], SweepSpec] = quick_spec,
) -> Sized:
    """The greatest effort that fits, or else the least of all.

    Each one is written, loaded and planned as the user's file will be. Images are made smaller
    only where little would be done with larger ones.

    Args:
        draft: what the file says.
        folder: of this process alone, where it may write.
        data: root of the data sets.
        nodes: what this machine has; without its GPUs where the sweep is to do without them.
        read: reads a data set.
        tell: is told what is being timed.
        spec_of: the sweep that is to fit, from the drafted file.

    Raises:
        RequestError: if the first of them is no sweep.
    """
    found: Sized | None = None
    cpus = sum(node["CPU"] for node in nodes)
    for number, (effort, side) in enumerate(_steps(longest_side(draft.supplies))):
        file = folder / f"{number}.yaml"  # each under a name of its own, since files are read once
        file.write_text(sweep_text(draft, effort, side, ""), encoding="utf-8")
        try:
            spec = spec_of(file)
            plan = make_plan(spec, data=data, storage=folder, nodes=nodes, read=read)
        except RequestError:
            if found is None:
                raise
            break  # a network that needs larger images than these
        duration_s = outlook(plan, nodes=nodes, tell=tell)["duration_s"]
        settings = sections(draft.supplies, draft.targets, effort, side)
        found = Sized("", plan, settings, duration_s, cpus)
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

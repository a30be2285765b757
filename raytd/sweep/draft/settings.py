"""The settings of a sweep for tasks of some size: its tasks and sections as plain data."""

import math
from collections.abc import Sequence
from typing import Any

from raytd.sweep.draft.effort import Effort
from raytd.sweep.draft.supply import Supply
from raytd.tasks.spec import TaskSpec

_FEW = 30
"""Images that transfer learns, as in the shipped suites."""

_EACH = 6
"""Training images of a class, at least, where there are so many classes that few would be left."""


def counts(supplies: Sequence[Supply], effort: Effort) -> dict[str, int]:
    """Images of every task that has enough of them.

    Where all tasks have about as many, it is the number of the smallest; else no more than the
    largest has.
    """
    images = max(effort.images, _EACH * max(supply.n_classes for supply in supplies))
    return {
        "train": _common(images, [supply.train for supply in supplies]),
        "val": _common(max(effort.val, images), [supply.val for supply in supplies]),
    }


def _common(wanted: int, there: Sequence[int]) -> int:
    most = min(wanted, max(there))
    return min(most, min(there)) if 2 * min(there) >= most else most


def tasks(supplies: Sequence[Supply], effort: Effort) -> list[str | dict[str, Any]]:
    """What a sweep file says of each task, with a count of its own where it has too few images."""
    wanted, found = counts(supplies, effort), list[str | dict[str, Any]]()
    for supply in supplies:
        there = {"train": supply.train, "val": supply.val}
        own = {key: n for key, n in there.items() if n < wanted[key]}
        name = supply.spec.name
        if supply.by_name:
            found.append({"name": name, **own} if own else name)
        else:
            found.append({**definition(supply.spec), **own})
    return found


def definition(spec: TaskSpec) -> dict[str, str]:
    """What a sweep file says of all images of a data set."""
    known_as = {} if spec.known_as is None else {"known_as": spec.known_as}
    return {"name": spec.name, "dataset": spec.dataset, **known_as}


def sections(
    supplies: Sequence[Supply], targets: Sequence[str], effort: Effort, side: int
) -> dict[str, dict[str, Any]]:
    """The sections that say how much is done.

    Args:
        supplies: of each task.
        targets: names of tasks.
        effort: how much.
        side: pixels of the longer side of an image.
    """
    data = counts(supplies, effort)
    images = {s.spec.name: min(s.train, data["train"]) for s in supplies}
    fewest = min(images.values())
    tile = min(effort.tile, fewest)
    most_classes = max(s.n_classes for s in supplies if s.spec.name in targets)
    channels = max(supply.shape[0] for supply in supplies)
    few = min([max(_FEW, 2 * most_classes), *(images[name] for name in targets)])
    return {
        "data": {**data, "size": _size(supplies, side), "channels": channels},
        "coupled": {
            "iterations": effort.iterations,
            "blocks": min(effort.blocks, math.ceil(fewest / tile)),
            "tile_size": tile,
        },
        "trajectory": {
            "steps": effort.steps,
            "lr": effort.trajectory_rate,
            "segments": effort.segments,
        },
        "transfer": {
            "n_train": few,
            "batch_size": min(effort.few_batch, few),
            "repeats": effort.repeats,
        },
        "pretrain": {
            "epochs": effort.epochs,
            "batch_size": min(effort.batch, fewest),
            "lr": effort.rate,
        },
    }


def longest_side(supplies: Sequence[Supply]) -> int:
    """Pixels of the longer side of the largest image, of the first ones of all tasks."""
    return max(max(supply.shape[1:]) for supply in supplies)


def _size(supplies: Sequence[Supply], side: int) -> int | list[int]:
    """Height and width: those of all tasks, made smaller, or else a square."""
    forms = {supply.shape[1:] for supply in supplies}
    longest = longest_side(supplies)
    height, width = forms.pop() if len(forms) == 1 else (longest, longest)
    scale = min(1.0, side / longest)
    size = [max(8, round(scale * n)) for n in (height, width)]
    return size[0] if size[0] == size[1] else size

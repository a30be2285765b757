"""How much a sweep does: what a GPU is asked for, and what fits into a few minutes without one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

SIDES = (32, 16, 8)
"""Pixels of the longer side of an image, the largest first; networks take 8 at least."""


@dataclass(frozen=True)
class Effort:
    """How much one sweep does.

    Attributes:
        seeds: how often everything is drawn anew.
        images: for training, of a task.
        val: images for validation.
        epochs: of training a source.
        batch: images of a step of that.
        rate: of that.
        steps: of a trajectory.
        trajectory_rate: of that.
        segments: in which its length is measured.
        iterations: of the coupled distance.
        blocks: of its coupling.
        tile: side of the squares in which all costs are measured.
        repeats: of transfer.
        few_batch: images of one of its steps.
    """

    seeds: int
    images: int
    val: int
    epochs: int
    batch: int
    rate: float
    steps: int
    trajectory_rate: float
    segments: int
    iterations: int
    blocks: int
    tile: int
    repeats: int
    few_batch: int


FULL = Effort(
    seeds=5,
    images=1500,
    val=1500,
    epochs=100,
    batch=100,
    rate=0.1,
    steps=6000,
    trajectory_rate=0.001,
    segments=100,
    iterations=4,
    blocks=8,
    tile=25,
    repeats=40,
    few_batch=10,
)
"""What the shipped suites of the judge ask a GPU for."""

_MOST = Effort(
    seeds=5,
    images=240,
    val=300,
    epochs=60,
    batch=20,
    rate=0.05,
    steps=600,
    trajectory_rate=0.01,
    segments=20,
    iterations=3,
    blocks=1,
    tile=6,
    repeats=20,
    few_batch=20,
)
"""The most that is tried without a GPU. Batches and tiles are the same at every effort, and batches
of all methods alike: so a network is timed once for each size of image."""

_MODEST = replace(_MOST, images=180, val=200, epochs=40, steps=300, iterations=2, repeats=10)
_SMALL = replace(_MODEST, seeds=3, images=120, val=120, epochs=30, steps=200, repeats=5)
_LEAST = replace(_SMALL, seeds=2, images=80, val=60, epochs=20, steps=100, repeats=3)
"""More images than `cnn8-narrow` has features, without which scores tell nothing apart."""


def rungs(last: bool) -> Iterator[Effort]:
    """Efforts to try with images of one size, the greatest first.

    Seeds are given up last: with two the margin of an error is three times that with three, so that
    sources tie whatever else is measured.

    Args:
        last: whether there is no smaller size, so that less is tried before giving up.
    """
    yield from (_MOST, _MODEST, replace(_MODEST, seeds=3), _SMALL)
    if last:
        yield from (replace(_SMALL, seeds=2), _LEAST)

"""What has been measured on a trajectory so far, and all that it takes to go on from there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64

from raytd.engine.block import Measurement, ProbeReading
from raytd.engine.records import Pairs
from raytd.transfer.averaging import SegmentMeans
from raytd.transfer.lengths import Moments
from raytd.transfer.state import TrainState, Weights


@dataclass
class Tally:
    """What has been measured so far; losses and norms by knot."""

    cost: Pairs
    moments: dict[int, list[Moments]]
    weights: Float64[np.ndarray, " probes"]
    losses: list[float] = field(default_factory=list)
    val_losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    forward_images: int = 0

    def add(self, stride: int, parts: Sequence[Measurement]) -> None:
        """Adds one segment up, tile by tile in tile order, however tiles are dealt into blocks."""
        first, second = _total([p.first for p in parts]), _total([p.second for p in parts])
        self.moments[stride].append(Moments(first, second))
        self.forward_images += sum(p.forward_images for p in parts)
        if stride == 1:
            self.losses.append(_total([p.train_loss for p in parts if p.train_loss is not None]))
            self.cost += np.concatenate([p.lengths for p in parts if p.lengths is not None])

    def add_probes(self, parts: Sequence[ProbeReading]) -> None:
        """Adds one knot's validation pairs up, in their order."""
        loss, form = (np.empty_like(self.weights) for _ in range(2))
        for block, part in enumerate(parts):
            loss[block :: len(parts)] = part.loss
            form[block :: len(parts)] = part.fisher_rao_form
        self.val_losses.append(float((self.weights * loss).sum()))
        self.norms.append(math.sqrt(float((self.weights * form).sum())))
        self.forward_images += len(self.weights)

    def add_loss(self, parts: Sequence[tuple[Float64[np.ndarray, " tiles"], int]]) -> float:
        """A training loss that was asked for by itself."""
        self.forward_images += sum(n for _, n in parts)
        return _total([sums for sums, _ in parts])


@dataclass(frozen=True)
class Halfway:
    """A trajectory at a knot, with everything measured before it.

    Attributes:
        segment: that comes next.
        tally: of what is measured at all knots before.
        states: of the weights that move, at the knot where the segment starts and at every fifth
            of the path before; one a block or one for all of them, here and below.
        measured: the weights that are measured at the knots where segments still start; the start
            of the trajectory is left out.
        means: of the segments that later knots are averaged over, by segment; two copies of the
            weights for each of at most M / 5 segments.
    """

    segment: int
    tally: Tally
    states: dict[int, list[TrainState]]
    measured: dict[int, list[Weights]]
    means: list[dict[int, SegmentMeans]]


def _total(tile_sums: Sequence[Float64[np.ndarray, " tiles"]]) -> float:
    return float(np.concatenate(tile_sums).sum())

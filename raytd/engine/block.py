"""What one coupling block consists of, as it is sent to the worker that owns it."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from jaxtyping import Float64, Int64
from torch import Tensor

from raytd.engine.config import ResourcesConfig, TrajectoryConfig
from raytd.learning.images import ImageSlice


@dataclass(frozen=True)
class BlockSetup:
    """The rows, columns and tiles of one block, and how its segments are run and measured.

    Attributes:
        block: index that names the block's random streams.
        source: images of the block's rows.
        target: images of its columns.
        validation: the block's share of the target's validation images.
        probes: the block's share of the validation pairs, as source and target images.
        rows: (tiles, n) index into `source`; padding has index 0 and no mass.
        cols: (tiles, m) index into `target`, likewise.
        model: name in the zoo.
        n_classes: size of the joint label space.
        run_seed: every random stream of the block derives from it.
        steps: SGD steps of a whole trajectory.
        trajectory: how its weights move; the learning rate is the one that is used.
        resources: threads, chunk and device of the worker.
    """

    block: int
    source: ImageSlice
    target: ImageSlice
    validation: ImageSlice
    probes: tuple[ImageSlice, ImageSlice]
    rows: Int64[np.ndarray, "tiles n"]
    cols: Int64[np.ndarray, "tiles m"]
    model: str
    n_classes: int
    run_seed: int
    steps: int
    trajectory: TrajectoryConfig
    resources: ResourcesConfig

    def moving(self, **changes: Any) -> Self:
        """The block with some settings of its trajectory changed."""
        return replace(self, trajectory=self.trajectory.model_copy(update=changes))


@dataclass(frozen=True)
class Measurement:
    """One segment at one stride, seen by one block.

    Attributes:
        lengths: ds of every pair in radians; None for strides other than 1.
        first: Σ Γ ds of each tile.
        second: Σ Γ ds² of each tile.
        train_loss: Σ Γ × cross-entropy on p_τ at the start of the segment, of each tile, in nats;
            None for strides other than 1.
        forward_images: images that went forward for it, when each (weights, inputs) is used once.
    """

    lengths: Float64[np.ndarray, "tiles n m"] | None
    first: Float64[np.ndarray, " tiles"]
    second: Float64[np.ndarray, " tiles"]
    train_loss: Float64[np.ndarray, " tiles"] | None
    forward_images: int


@dataclass(frozen=True)
class ProbeReading:
    """What one block's validation pairs say at one knot.

    Attributes:
        loss: cross-entropy of each pair on p_τ, in nats.
        fisher_rao_form: each pair's share of the squared Fisher-Rao norm of the weights.
    """

    loss: Float64[np.ndarray, " probes"]
    fisher_rao_form: Float64[np.ndarray, " probes"]


@dataclass(frozen=True)
class Evaluation:
    """Validation images of one block.

    Attributes:
        n: how many there are.
        correct: how many are classified right.
        loss: their summed cross-entropy, in nats.
        device: where they went forward.
    """

    n: int
    correct: int
    loss: float
    device: str


def members(
    index: Int64[Tensor, "tiles side"], mass: Float64[Tensor, "tiles side"]
) -> Int64[np.ndarray, " n"]:
    """The images that a block's rows or columns stand for, each once, in rising order."""
    return np.unique(index[mass > 0].numpy())

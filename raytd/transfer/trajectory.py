"""SGD on the interpolated task through one segment of the trajectory, eq. (17c)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float64, Int64
from torch import Tensor, nn

from raytd.errors import InputError
from raytd.transfer.averaging import RunningMeans
from raytd.transfer.precision import forward
from raytd.transfer.rule import SgdRule
from raytd.transfer.settings import Descent, Precision, Schedule
from raytd.transfer.state import TrainState, Weights


@dataclass(frozen=True)
class Batch:
    """Mixed images with the labels of both ends.

    The cross-entropy against the mixed label is (1 − t) CE(y_i) + t CE(y'_j).
    """

    images: Float[Tensor, "batch c h w"]
    source_labels: Int64[Tensor, " batch"]
    target_labels: Int64[Tensor, " batch"]
    t: Float[Tensor, " batch"]


def segment_steps(segment: int, *, steps: int, segments: int) -> range:
    """Numbers of the SGD steps that belong to a segment; they differ by at most one.

    Raises:
        InputError: if there is no such segment.
    """
    if not 0 <= segment < segments:
        raise InputError(f"segment is {segment}; a path of {segments} segments has no such one")
    return range(segment * steps // segments, (segment + 1) * steps // segments)


def standing_steps(steps: int) -> int:
    """Further steps on p_τ of one knot that say how far a network lags: a fiftieth of a path's."""
    return max(1, steps // 50)


def step_times(steps: range, *, total: int) -> Float64[Tensor, " steps"]:
    """τ of each step: the middle of the step's share of [0, 1]."""
    return (torch.arange(steps.start, steps.stop, dtype=torch.float64) + 0.5) / total


def rate_factor(schedule: Schedule, step: int, total: int) -> float:
    """Share of the learning rate that a step of a path of `total` steps uses.

    Raises:
        InputError: if the schedule is not one of `Schedule`.
    """
    if schedule not in get_args(Schedule):
        raise InputError(f"schedule is {schedule!r}; choose from {', '.join(get_args(Schedule))}")
    return 1.0 if schedule == "constant" else 0.5 * (1 + math.cos(math.pi * step / total))


def mixed_cross_entropy(
    log_probs: Float[Tensor, "*batch classes"],
    source_labels: Int64[Tensor, "*batch"],
    target_labels: Int64[Tensor, "*batch"],
    t: Tensor | float,
) -> Float[Tensor, "*batch"]:
    """Cross-entropy in nats against the label (1 − t) y_i + t y'_j.

    Raises:
        InputError: if t is a tensor of another shape than the labels.
    """
    if isinstance(t, Tensor) and t.shape != source_labels.shape:
        raise InputError(f"t has shape {tuple(t.shape)}, not {tuple(source_labels.shape)}")
    source = log_probs.gather(-1, source_labels[..., None])[..., 0]
    target = log_probs.gather(-1, target_labels[..., None])[..., 0]
    return -((1 - t) * source + t * target)


class Sgd:
    """SGD with momentum on a model whose state comes and goes at the knots.

    Args:
        model: the network; its values are overwritten by every `run`.
        descent: how large its steps are; batches come as they are given.
        precision: of the layers; see `raytd.transfer.precision.forward`.
    """

    def __init__(
        self, model: nn.Module, descent: Descent, *, precision: Precision = "float32"
    ) -> None:
        self.model, self.lr, self.precision = model, descent.lr, precision
        self._rule = SgdRule(model, momentum=descent.momentum, weight_decay=descent.weight_decay)

    def run(
        self,
        state: TrainState,
        n_steps: int,
        batch: Callable[[int], Batch],
        rate: Callable[[int], float] = lambda _: 1.0,
        *,
        means: RunningMeans | None = None,
    ) -> TrainState:
        """The state after `n_steps` steps in training mode.

        Args:
            state: where to start.
            n_steps: how many steps.
            batch: the images of step n, counted from 0.
            rate: the share of the learning rate that step n uses.
            means: is told of every iterate of the segment that it has begun; the steps do not
                depend on it.
        """
        state.weights.load_into(self.model)
        self._rule.momentum = state.momentum
        self.model.train()
        for step in range(n_steps):
            self._step(batch(step), self.lr * rate(step))
            if means is not None:
                means.add()
        return TrainState(Weights.of(self.model), self._rule.momentum)

    def _step(self, batch: Batch, lr: float) -> None:
        logits = forward(self.model, batch.images, self.precision)
        log_probs = F.log_softmax(logits, dim=-1)
        loss = mixed_cross_entropy(log_probs, batch.source_labels, batch.target_labels, batch.t)
        self._rule.step(loss.mean(), lr)

"""What is measured at a knot: a mean of the iterates before it, made while SGD runs.

The noise of SGD adds to every segment of a measured path, so that the length of the iterates grows
with the number of knots. A mean of iterates (Polyak and Juditsky 1992) has a fraction of that
noise. Only what is measured is averaged: the weights that move, their momentum and their random
draws are the same whatever is measured.

The window is a triangle over the last fifth of the path before the knot: it rises over the first
tenth and falls over the second. It has this width in τ whatever the number of segments is, so that
more knots refine one path, whose length has a limit. A fifth was the best of the windows that were
tried on the digits (0–4 → 5–9, M = 20, 40, 80): the distance of the iterates goes 7.3, 13.4, 25.6;
that of a box over 1/20 3.98, 4.95, 5.98; of a triangle over 1/10 3.57, 4.07, 4.28; over 1/5 2.98,
3.16, 3.25, with a noise share of .22 where the iterates have .77. A triangle is continuous, which a
box is not, and has its kinks at knots, so that two means of each segment are enough for it.

Running statistics of batch norm are averaged like weights. To make them anew at each knot, by
passes over p_τ in training mode, costs these passes and is no better: with 40 batches of 50 the
noise share at M = 20 is .27 where averaging leaves .22, with 10 batches of 20 it is .45, at the
same accuracy (two seeds; noise-free lengths 2.20 and 2.17 where averaging has 2.54 and 2.51).

A mean of the past lags behind: what is measured at a knot stands where the path was about 1/10
before, and what is measured at τ = 1 ends a tenth of the path behind the weights that move.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from raytd.transfer.settings import Averaging
from raytd.transfer.state import (
    StateMean,
    Tensors,
    TrainState,
    WeightedSum,
    Weights,
    WeightsMean,
    copy_to_cpu,
    with_masses,
)


@dataclass(frozen=True)
class SegmentMeans:
    """Two means of the iterates w_k of a segment of n steps, k from 0, w_k after its step.

    With u_k = (k + 1/2) / n, the share of the segment that is done, a window that is a line over
    the segment, p + q (u − 1/2), gives it the part p mean + q tilt.

    Attributes:
        mean: of w_k. Running statistics of batch norm are averaged as they are; counters are those
            of the last iterate.
        tilt: mean of (u_k − 1/2) w_k, of parameters and floating-point buffers by name.
    """

    mean: Weights
    tilt: Tensors


class RunningMeans:
    """The means of one segment after another, added up step by step on the model's device.

    Costs two additions over the weights a step. On a CPU at batches of 20 that is 4 % of a step of
    110,000 weights on 8×8 images, 7 % of one of 1.7 million, and less where images are larger.
    The sums have the precision of the weights, and lose the last bits of n steps.

    Args:
        model: whose parameters and buffers are averaged; its tensors stay where they are.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model, self._n_steps, self._n_done = model, 0, 0
        self._now = dict(_floating(model))
        self._sums = [torch.zeros_like(value) for value in self._now.values()]
        self._tilts = [torch.zeros_like(value) for value in self._now.values()]

    def begin(self, n_steps: int) -> None:
        """Forgets the last segment; the next one has that many steps."""
        self._n_steps, self._n_done = n_steps, 0
        torch._foreach_zero_(self._sums)
        torch._foreach_zero_(self._tilts)

    @torch.no_grad()
    def add(self) -> None:
        """Adds the iterate that the model is at."""
        values = list(self._now.values())
        torch._foreach_add_(self._sums, values)
        done = (self._n_done + 0.5) / self._n_steps
        torch._foreach_add_(self._tilts, values, alpha=done - 0.5)
        self._n_done += 1

    def value(self) -> SegmentMeans:
        """The means of the segment whose steps have all been added, on the CPU."""
        mean, tilt = (
            {n: copy_to_cpu(v).div_(self._n_steps) for n, v in zip(self._now, sums, strict=True)}
            for sums in (self._sums, self._tilts)
        )
        weights = Weights(
            {name: mean[name] for name, _ in self._model.named_parameters()},
            {
                name: mean[name] if name in mean else copy_to_cpu(buffer)
                for name, buffer in self._model.named_buffers()
            },
        )
        return SegmentMeans(weights, tilt)


class SegmentShare(NamedTuple):
    """What a segment gives to a knot: `mean` times its mean and `tilt` times its tilt."""

    segment: int
    mean: float
    tilt: float


def reach(averaging: Averaging, segments: int) -> int:
    """Segments before a knot that what is measured there is made of."""
    return {"none": 0, "segment": 1, "window": 2 * (segments // 10)}[averaging]


def segment_shares(averaging: Averaging, knot: int, segments: int) -> list[SegmentShare]:
    """What each segment gives to what is measured at a knot, in order; `mean` adds up to 1.

    Segments before the start have negative numbers: the path stands at w^s there.

    Args:
        averaging: `window` or `segment`.
        knot: from 1 to M.
        segments: M, 10 or a multiple of 20.
    """
    if averaging == "segment":
        return [SegmentShare(knot - 1, 1.0, 0.0)]
    half = segments // 10
    slope, first = 1 / half**2, knot - 2 * half
    rising = [SegmentShare(first + n, slope * (n + 0.5), slope) for n in range(half)]
    falling = [
        SegmentShare(first + half + n, slope * (half - n - 0.5), -slope) for n in range(half)
    ]
    return rising + falling


class AveragedPath:
    """What is measured along one path, from the means of its segments.

    Args:
        start: w^s, measured at knot 0.
        averaging: `window` or `segment`.
        segments: M.
        means: of the segments so far that later knots need.

    Attributes:
        means: by segment, those that a later knot still needs: two copies of the weights for each
            of at most M / 5 segments.
    """

    def __init__(
        self,
        start: Weights,
        averaging: Averaging,
        segments: int,
        means: Mapping[int, SegmentMeans] | None = None,
    ) -> None:
        self.start, self.averaging, self.segments = start, averaging, segments
        self.means = dict(means or {})

    def add(self, segment: int, means: SegmentMeans) -> None:
        """Takes the means of the next segment, and forgets those that no later knot needs."""
        self.means[segment] = means
        first = segment + 1 - reach(self.averaging, self.segments)
        self.means = {s: m for s, m in self.means.items() if s >= first}

    def weights(self, knot: int) -> Weights:
        """What is measured at the knot that ends the last segment; summed in float64."""
        if knot == 0:
            return self.start
        total = WeightedSum()
        for share in segment_shares(self.averaging, knot, self.segments):
            if share.segment < 0:
                total.add(_all_floating(self.start), share.mean)
            else:
                means = self.means[share.segment]
                total.add(_all_floating(means.mean), share.mean)
                total.add(means.tilt, share.tilt)
        values, last = total.value(), self.means[knot - 1].mean
        return Weights(
            {name: values[name] for name in last.parameters},
            {name: values.get(name, value) for name, value in last.buffers.items()},
        )


@dataclass(frozen=True)
class Moved:
    """Where SGD has led.

    Attributes:
        state: to go on from.
        means: of the iterates on the way; None where they are not asked for.
    """

    state: TrainState
    means: SegmentMeans | None = None


def average_moved(moved: Iterable[Moved], masses: Sequence[float]) -> Moved:
    """The blocks' states and means by mass in block order, as `raytd.transfer.state.average`.

    So the mean of running variances gets the between-block part of the mean running means; what
    that part changes within a segment is left out of the tilt.

    Raises:
        InputError: if there is not one non-negative mass for each, or they do not add up to 1.
    """
    state, mean, tilt, averaged = StateMean(), WeightsMean(), WeightedSum(), False
    for each, mass in with_masses(moved, masses):
        state.add(each.state, mass)
        if each.means is not None:
            averaged = True
            mean.add(each.means.mean, mass)
            tilt.add(each.means.tilt, mass)
    return Moved(state.value(), SegmentMeans(mean.value(), tilt.value()) if averaged else None)


def _floating(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and floating-point buffers by name, as they stand in the model."""
    for name, parameter in model.named_parameters():
        yield name, parameter.detach()
    for name, buffer in model.named_buffers():
        if buffer.is_floating_point():
            yield name, buffer


def _all_floating(weights: Weights) -> Tensors:
    """Parameters and floating-point buffers by name."""
    floating = {n: b for n, b in weights.buffers.items() if b.is_floating_point()}
    return weights.parameters | floating

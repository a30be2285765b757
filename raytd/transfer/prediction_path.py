"""The Fisher-Rao length of a path of weights, from what they predict at fixed inputs."""

import math

from jaxtyping import Float64
from torch import Tensor

from raytd.errors import InputError
from raytd.simplex import kl_divergence
from raytd.transfer.lengths import (
    Lengths,
    Moments,
    length_up_to,
    noise_free_pieces,
    open_knots,
    path_lengths,
    starts,
    strides,
)


class PredictionPath:
    """Takes the predictions at one knot after another, and knows the lengths of the path.

    Every input has the same mass. Predictions are kept only as long as a longer segment can still
    end: of at most one knot more than there are strides.

    Args:
        segments: M, 10 or a multiple of 20.
    """

    def __init__(self, segments: int) -> None:
        self.segments = segments
        self._moments: dict[int, list[Moments]] = {s: [] for s in strides(segments)}
        self._open: dict[int, Float64[Tensor, "images classes"]] = {}
        self._next = 0

    def add(self, log_p: Float64[Tensor, "images classes"]) -> None:
        """Log probabilities at the next knot.

        Raises:
            InputError: if the path has no further knot.
        """
        knot = self._next
        if knot > self.segments:
            raise InputError(f"a path of {self.segments} segments has no knot {knot}")
        for stride, moments in self._moments.items():
            if knot - stride in starts(stride, self.segments):
                squared = 2 * kl_divergence(self._open[knot - stride], log_p)
                moments.append(Moments(float(squared.sqrt().mean()), float(squared.mean())))
        self._open[knot] = log_p
        kept = open_knots(knot + 1, self.segments)
        self._open = {k: p for k, p in self._open.items() if k in kept}
        self._next += 1

    def lengths(self) -> Lengths:
        """All lengths of the whole path, once its last knot is there."""
        return path_lengths(self._moments, self.segments)

    def fisher_rao_length(self, knot: int) -> float:
        """Σ sqrt(mean ds²) of the segments up to a knot, in radians."""
        return math.fsum(math.sqrt(m.second) for m in self._moments[1][:knot])

    def distance(self, knot: int) -> float:
        """Σ mean ds of the segments up to a knot, in radians."""
        return math.fsum(m.first for m in self._moments[1][:knot])

    def noise_free_length(self, knot: int) -> float:
        """The part of the two-scale length up to a knot, in radians, of a path that is complete."""
        pieces = noise_free_pieces(self._moments, self.segments)
        return length_up_to(pieces, knot / self.segments)

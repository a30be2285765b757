"""Euclidean lengths in the space of weights."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def weight_norm(weights: Mapping[str, Tensor]) -> float:
    """‖w‖ over all tensors together, in float64."""
    return float(sum(float(w.double().square().sum()) for w in weights.values()) ** 0.5)


def weight_distance(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> float:
    """‖w − w'‖ over all tensors together, name by name, in float64."""
    return weight_norm({name: w.double() - second[name].double() for name, w in first.items()})


class WeightPath:
    """∫ |dw|, the sum of the norms of the steps of SGD, and how far they lead.

    Args:
        parameters: whose steps count, together one vector.

    Attributes:
        length: so far.
    """

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self._parameters = [p.detach() for p in parameters]
        self._start = self._copies()
        self._last = self._copies()
        self.length = 0.0

    def add_step(self) -> None:
        """Adds the way from where the parameters were to where they are now."""
        self.length += self._distance_from(self._last)
        for last, now in zip(self._last, self._parameters, strict=True):
            last.copy_(now)

    def displacement(self) -> float:
        """‖w − w_0‖: never more than the length."""
        return self._distance_from(self._start)

    def _copies(self) -> list[Tensor]:
        return [p.clone() for p in self._parameters]

    def _distance_from(self, origin: Sequence[Tensor]) -> float:
        pairs = zip(self._parameters, origin, strict=True)
        squares = [(now - before).double().square().sum() for now, before in pairs]
        return float(torch.stack(squares).sum().sqrt())

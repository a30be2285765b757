"""What SGD carries from one segment to the next, and its average over blocks."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from raytd.errors import InputError

Tensors = dict[str, Tensor]


def copy_to_cpu(tensor: Tensor) -> Tensor:
    """A contiguous copy on the CPU, whatever the memory format of the original."""
    return tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)


@dataclass(frozen=True)
class Weights:
    """What predictions depend on: parameters, and buffers such as running statistics."""

    parameters: Tensors
    buffers: Tensors

    def load_into(self, model: nn.Module) -> None:
        """Copies the values into a model.

        Raises:
            InputError: if the model has other names or shapes; nothing is copied then.
        """
        parameters, buffers = dict(model.named_parameters()), dict(model.named_buffers())
        _check_fits("parameter", self.parameters, parameters)
        _check_fits("buffer", self.buffers, buffers)
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(self.parameters[name])
            for name, buffer in buffers.items():
                buffer.copy_(self.buffers[name])

    @staticmethod
    def of(model: nn.Module) -> "Weights":
        """A copy of a model's values on the CPU, contiguous."""
        return Weights(
            {n: copy_to_cpu(p) for n, p in model.named_parameters()},
            {n: copy_to_cpu(b) for n, b in model.named_buffers()},
        )


@dataclass(frozen=True)
class TrainState:
    """Weights and the momentum of each parameter."""

    weights: Weights
    momentum: Tensors

    @staticmethod
    def at_rest(weights: Weights) -> "TrainState":
        """The start of a trajectory: no momentum."""
        return TrainState(weights, {n: torch.zeros_like(p) for n, p in weights.parameters.items()})


def average(states: Iterable[TrainState], masses: Sequence[float]) -> TrainState:
    """The mean of the blocks' states by mass, summed in block order.

    Running variances get the between-block part of the running means, so that they describe the
    pooled data; counters are taken from the first block. One block of mass 1 is returned
    unchanged, to the bit. A state is let go before the one after the next is asked for: all that is
    kept of it is a copy of its buffers.

    Raises:
        InputError: if there is not one non-negative mass a state, or they do not add up to 1.
    """
    mean = StateMean()
    for state, mass in with_masses(states, masses):
        mean.add(state, mass)
    return mean.value()


Item = TypeVar("Item")


def with_masses(items: Iterable[Item], masses: Sequence[float]) -> Iterator[tuple[Item, float]]:
    """Each item with its mass; an item is let go before the one after the next is asked for.

    Raises:
        InputError: if there is not one non-negative mass an item, or they do not add up to 1.
    """
    _check_masses(masses)
    n = 0
    for n, item in enumerate(items, start=1):
        if n > len(masses):
            break
        yield item, masses[n - 1]
    if n != len(masses):
        more = "or more " if n > len(masses) else ""
        raise InputError(f"{len(masses)} masses and {n} {more}states; each state needs one")


class WeightedSum:
    """Σ m x in float64, in the order of adding, returned in the type of x."""

    def __init__(self) -> None:
        self._sums: Tensors = {}
        self._types: dict[str, torch.dtype] = {}

    def add(self, values: Tensors, mass: float) -> None:
        """Adds m x for every name."""
        for name, value in values.items():
            if name not in self._sums:
                # −0 + x is x, for −0 too.
                self._sums[name] = torch.full_like(value, -0.0, dtype=torch.float64)
                self._types[name] = value.dtype
            self._sums[name].add_(value, alpha=mass)

    def value(self) -> Tensors:
        """The sums; means, where Σ m is 1."""
        return {name: total.to(self._types[name]) for name, total in self._sums.items()}


class WeightsMean:
    """The mean of the blocks' weights, whose masses add up to 1; see `average`.

    All that is kept of added weights is a copy of their buffers.
    """

    def __init__(self) -> None:
        self._parameters = WeightedSum()
        self._buffers: list[Tensors] = []
        self._masses: list[float] = []

    def add(self, weights: Weights, mass: float) -> None:
        """Adds the weights of the next block."""
        self._parameters.add(weights.parameters, mass)
        self._buffers.append({name: value.clone() for name, value in weights.buffers.items()})
        self._masses.append(mass)

    def value(self) -> Weights:
        """The mean."""
        return Weights(self._parameters.value(), _mean_buffers(self._buffers, self._masses))


class StateMean:
    """The mean of the blocks' states, likewise."""

    def __init__(self) -> None:
        self._weights, self._momentum = WeightsMean(), WeightedSum()

    def add(self, state: TrainState, mass: float) -> None:
        """Adds the state of the next block."""
        self._weights.add(state.weights, mass)
        self._momentum.add(state.momentum, mass)

    def value(self) -> TrainState:
        """The mean."""
        return TrainState(self._weights.value(), self._momentum.value())


def _check_fits(kind: str, values: Tensors, places: Mapping[str, Tensor]) -> None:
    """Refuse values for other places; copying would broadcast some of them."""
    for name in sorted(values.keys() ^ places.keys()):
        there, missing = ("weights", "model") if name in values else ("model", "weights")
        raise InputError(f"{kind} {name!r} of the {there} is missing in the {missing}")
    for name, place in places.items():
        if values[name].shape != place.shape:
            raise InputError(
                f"{kind} {name!r} has shape {tuple(values[name].shape)}; the model needs "
                f"{tuple(place.shape)}"
            )


def _check_masses(masses: Sequence[float]) -> None:
    for index, mass in enumerate(masses):
        if not 0 <= mass <= 1 + 1e-9:
            raise InputError(f"masses[{index}] is {mass}; it must be from 0 to 1")
    if not math.isclose(sum(masses), 1, abs_tol=1e-9):
        raise InputError(f"masses add up to {sum(masses):.9g}; they must add up to 1")


def _weighted(tensors: Sequence[Tensor], masses: Sequence[float]) -> Tensor:
    mean = WeightedSum()
    for tensor, mass in zip(tensors, masses, strict=True):
        mean.add({"": tensor}, mass)
    return mean.value()[""]


def _mean_buffers(buffers: Sequence[Tensors], masses: Sequence[float]) -> Tensors:
    mean = {
        name: _weighted([b[name] for b in buffers], masses)
        if first.is_floating_point()
        else first.clone()
        for name, first in buffers[0].items()
    }
    for name in mean:
        if not name.endswith("running_var"):
            continue
        centre = name.removesuffix("var") + "mean"
        pooled = [
            b[name].double() + (b[centre].double() - mean[centre].double()) ** 2 for b in buffers
        ]
        mean[name] = _weighted(pooled, masses).to(buffers[0][name].dtype)
    return mean

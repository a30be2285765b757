"""States as they travel: arrays, which Ray maps into every process of a node without a copy.

Tensors it would pickle: deploy/SCALING.md has what that costs.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from raytd.transfer.state import Tensors, TrainState, Weights

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Packed:
    """A state on its way."""

    parameters: Arrays
    buffers: Arrays
    momentum: Arrays


def packed(value: Any) -> Any:
    """A state as arrays that share its memory; anything else as it is."""
    if not isinstance(value, TrainState):
        return value
    weights = value.weights
    return Packed(*(_arrays(t) for t in (weights.parameters, weights.buffers, value.momentum)))


def unpacked(value: Any) -> Any:
    """The state that was packed, in the memory it came in, which is not to be written to."""
    if not isinstance(value, Packed):
        return value
    weights = Weights(_tensors(value.parameters), _tensors(value.buffers))
    return TrainState(weights, _tensors(value.momentum))


def _arrays(tensors: Tensors) -> Arrays:
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def _tensors(arrays: Arrays) -> dict[str, Tensor]:
    with warnings.catch_warnings():
        # The object store's pages are read-only, and nobody writes to a state.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

"""States as they travel: arrays, which Ray maps into every process of a node without a copy.

Tensors it would pickle: deploy/SCALING.md has what that costs.
"""

import warnings
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from raytd.transfer.averaging import Moved, SegmentMeans
from raytd.transfer.state import TrainState, Weights

_KINDS = (TrainState, Weights, Moved, SegmentMeans)
"""Records of tensors by name, and of such records."""

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Packed:
    """A record of tensors on its way: its kind, and its fields in order."""

    kind: type
    content: tuple["Packed | Arrays | None", ...]


def packed(value: Any) -> Any:
    """A record of tensors as arrays that share its memory; anything else as it is."""
    if not isinstance(value, _KINDS):
        return value
    return Packed(type(value), tuple(_arrays(getattr(value, f.name)) for f in fields(value)))


def size(value: Any) -> int:
    """Bytes of the arrays in what was packed; 0 for anything else."""
    if not isinstance(value, Packed):
        return 0
    parts = [part for part in value.content if part is not None]
    return sum(
        sum(array.nbytes for array in part.values()) if isinstance(part, dict) else size(part)
        for part in parts
    )


def unpacked(value: Any) -> Any:
    """The record that was packed, in the memory it came in, which is not to be written to."""
    if not isinstance(value, Packed):
        return value
    return value.kind(*map(_tensors, value.content))


def _arrays(value: Any) -> Any:
    if not isinstance(value, dict):
        return packed(value)
    return {name: tensor.numpy() for name, tensor in value.items()}


def _tensors(value: Any) -> Any:
    if not isinstance(value, dict):
        return unpacked(value)
    return {name: _tensor(array) for name, array in value.items()}


def _tensor(array: np.ndarray) -> Tensor:
    with warnings.catch_warnings():
        # The object store's pages are read-only, and nobody writes to a state.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array)

"""What a layer's weights are multiplied by: its inputs as one matrix for each image."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float64
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@dataclass(frozen=True, eq=False)
class Patches:
    """U with output = W U for each image, in the groups of a layer.

    The gradient by W is G Uᵀ with G the one by the outputs. Row o of it has the squared norm
    G_o (Uᵀ U) G_oᵀ, so that Uᵀ U does where a layer has fewer places than weights of a filter.

    Attributes:
        matrix: U, or Uᵀ U in float64.
        is_gram: whether it is the latter.
        fan_in: weights of a filter.
        places_last: whether the places of an output are its last axis, not the outputs.
    """

    matrix: Float[Tensor, "batch groups rows places"]
    is_gram: bool
    fan_in: int
    places_last: bool

    def squares(self, at_outputs: Tensor) -> Float64[Tensor, "batch outputs"]:
        """The mean over a filter's weights of their squared gradients, for each image.

        Args:
            at_outputs: the gradient by the layer's outputs.
        """
        batch, groups, _, places = self.matrix.shape
        if not self.places_last:
            at_outputs = at_outputs.reshape(batch, places, -1).mT
        g = at_outputs.reshape(batch, groups, -1, places)
        if self.is_gram:
            g = g.double()
            sums = (torch.matmul(g, self.matrix) * g).sum(-1).clamp(min=0)
        else:
            by_weight = torch.matmul(g, self.matrix.mT)
            sums = torch.linalg.vector_norm(by_weight, dim=-1).double() ** 2
        return sums.flatten(1) / self.fan_in


def input_patches(layer: nn.Module, x: Tensor) -> Patches | None:
    """The matrices of a layer's inputs; None for a kind of layer that it is not known for."""
    u = _patches(layer, x)
    if u is None:
        return None
    fan_in, places = u.shape[-2:]
    is_gram = places < fan_in
    matrix = torch.matmul(u.double().mT, u.double()) if is_gram else u
    return Patches(matrix, is_gram, fan_in, not isinstance(layer, nn.Linear))


def _patches(layer: nn.Module, x: Tensor) -> Float[Tensor, "batch groups fan_in places"] | None:
    if isinstance(layer, nn.Linear):
        return x.reshape(len(x), 1, -1, x.shape[-1]).mT
    if isinstance(layer, _BatchNorm):
        return _normalised(layer, x)
    if not isinstance(layer, nn.Conv2d) or layer.padding_mode != "zeros":
        return None
    if isinstance(layer.padding, str):
        return None
    columns = F.unfold(x, layer.kernel_size, layer.dilation, layer.padding, layer.stride)
    return columns.reshape(len(x), layer.groups, -1, columns.shape[-1])


def _normalised(layer: _BatchNorm, x: Tensor) -> Tensor | None:
    """What a batch norm with running statistics scales, one group for each channel."""
    if layer.running_mean is None or layer.running_var is None:
        return None
    shape = (1, -1, *(1 for _ in x.shape[2:]))
    mean, var = layer.running_mean.reshape(shape), layer.running_var.reshape(shape)
    scaled = (x - mean) / (var + layer.eps).sqrt()
    return scaled.reshape(*x.shape[:2], 1, -1)

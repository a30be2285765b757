"""The filters of a network that a task's embedding describes."""

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from raytd.errors import InputError

MIXING = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
"""Layers that mix their inputs; their first axis of weights is that of the outputs."""


def filtered_layers(network: nn.Module, *, head: str) -> dict[str, nn.Module]:
    """Convolutions, batch norms and hidden linear layers by name, in order of registration.

    Args:
        network: the probe.
        head: name of its own last linear layer, which a task replaces.

    Raises:
        InputError: if there is no such layer.
    """
    layers: dict[str, nn.Module] = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, (*MIXING, _BatchNorm))
        and name != head
        and weight_of(module) is not None
    }
    if not layers:
        raise InputError(
            "task2vec.probe: the network has no convolution, batch norm or hidden linear layer to "
            "describe a task by; choose another probe"
        )
    return layers


def weight_of(layer: nn.Module) -> Tensor:
    """Its weights; the first axis is that of the outputs."""
    weight: Tensor = layer.weight  # type: ignore[assignment]
    return weight


def mean_over_filter(values: Tensor) -> Tensor:
    """The mean over all axes but that of the outputs."""
    mean: Tensor = values.flatten(1).mean(dim=1) if values.ndim > 1 else values
    return mean

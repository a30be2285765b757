"""The precision that a variational posterior of the weights has: a robust Fisher information."""

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float64, Int64
from torch import Tensor, nn

from raytd.methods.fisher.filters import MIXING, filtered_layers, weight_of

INPUT_FLOOR = 0.01
"""Added to squared inputs, so that filters of dead inputs have noise too."""


@dataclass(frozen=True)
class Precision:
    """A posterior N(w, e^v) of the weights with one v for each filter.

    Attributes:
        values: e^−v of every filter, layer by layer.
        trivial: 1/λ², the precision of the prior, which a task without information leaves.
    """

    values: Float64[Tensor, " filters"]
    trivial: Float64[Tensor, " filters"]


def variational_precision(  # noqa: PLR0913 - the probe and how it is fitted, all by keyword
    network: nn.Module,
    logits: Callable[[Int64[Tensor, " batch"]], Tensor],
    labels: Int64[Tensor, " n"],
    *,
    head: str,
    batches: Iterable[Int64[Tensor, " batch"]],
    beta: float,
    lr: float,
    generator: torch.Generator,
) -> Precision:
    """The v that make CE + β Σ_layers [‖w‖²/λ² + Σ e^v/λ² + n log λ² − Σ v − n] least, by Adam.

    The sums go over all n weights of a layer; its λ² is the one that makes the bracket least,
    (‖w‖² + Σ e^v)/n, which leaves n log λ² − Σ v. Noise enters at the outputs: each has the mean
    that w gives and the variance conv(x² + 0.01, e^v). v starts at log(0.05 Var w + 1e−8).
    Achille et al. (2019), eq. (3), with the local reparametrisation of Kingma et al. (2015).

    Args:
        network: the probe, in evaluation mode; its weights stay as they are.
        logits: predictions for the images of a batch, by their index, through the network.
        labels: of all images.
        head: name of the network's own last linear layer.
        batches: indices of images, one batch a step.
        beta: weight of the Kullback-Leibler divergence.
        lr: learning rate of Adam.
        generator: on the CPU, of the noise.
    """
    network.requires_grad_(False)
    layers = [
        _Layer(m) for m in filtered_layers(network, head=head).values() if isinstance(m, MIXING)
    ]
    optimizer = torch.optim.Adam([layer.v for layer in layers], lr=lr)
    with _noisy(layers, generator):
        for batch in batches:
            optimizer.zero_grad(set_to_none=True)
            fit = F.cross_entropy(logits(batch), labels[batch.to(labels.device)])
            divergence = torch.stack([layer.divergence() for layer in layers]).sum()
            torch.autograd.backward(fit + beta * divergence)
            optimizer.step()
    return Precision(
        torch.cat([(-layer.v.detach().double()).exp().cpu() for layer in layers]),
        torch.cat([layer.prior_precision() for layer in layers]),
    )


class _Layer:
    """The posterior of one layer's weights.

    Args:
        module: whose outputs get the noise.

    Attributes:
        module: see there.
        v: log variance of each filter.
    """

    def __init__(self, module: nn.Module) -> None:
        weight = weight_of(module).detach()
        self.module, self._of_variances = module, copy.deepcopy(module)
        self._shape, self._fan_in = weight.shape, weight[0].numel()
        self._norm = float((weight.double() ** 2).sum())
        variance = float(weight.double().var(correction=0))
        start = torch.full_like(weight.flatten(1)[:, 0], 0.05 * variance + 1e-8).log()
        self.v = start.requires_grad_(True)

    def divergence(self) -> Tensor:
        """N log λ² − Σ v over the layer's weights: twice KL to the prior, up to a constant."""
        n = self._shape.numel()
        return n * self._prior_variance().log() - self._fan_in * self.v.sum()

    def prior_precision(self) -> Float64[Tensor, " outputs"]:
        """1/λ², once for every filter."""
        lam = float(self._prior_variance().detach())
        return torch.full((len(self.v),), 1 / lam, dtype=torch.float64)

    def output_variance(self, x: Tensor) -> Tensor:
        """conv(x² + 0.01, e^v)."""
        spread = self.v.exp().reshape(-1, *(1 for _ in self._shape[1:])).expand(self._shape)
        tensors = {"weight": spread}
        if self.module.bias is not None:
            tensors["bias"] = torch.zeros_like(self.v)
        variance: Tensor = torch.func.functional_call(
            self._of_variances, tensors, (x**2 + INPUT_FLOOR,)
        )
        return variance

    def _prior_variance(self) -> Tensor:
        return (self._norm + self._fan_in * self.v.exp().sum()) / self._shape.numel()


@contextmanager
def _noisy(layers: list[_Layer], generator: torch.Generator) -> Iterator[None]:
    """Inside the block, outputs of the layers get the noise of their weights."""

    def hook_of(layer: _Layer) -> Callable[..., Tensor]:
        def with_noise(_: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
            deviation = layer.output_variance(inputs[0]).sqrt()
            noise = torch.randn(output.shape, generator=generator).to(output.device)
            return output + deviation * noise

        return with_noise

    hooks = [layer.module.register_forward_hook(hook_of(layer)) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()

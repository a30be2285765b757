"""Squared gradients of a network's outputs by its filters' weights, image by image."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor, nn

from raytd.methods.fisher.filters import filtered_layers, mean_over_filter, weight_of
from raytd.methods.fisher.patches import input_patches

Logits = Callable[[Int64[Tensor, " batch"]], Float[Tensor, "batch classes"]]
Directions = Callable[
    [Float64[Tensor, "batch classes"]], Iterable[Float64[Tensor, "batch classes"]]
]

FLOATS = 2**25
"""Numbers that a batch may keep of its layers' inputs: 128 MiB in float32."""

MOST = 64
"""Images of a batch at most."""

ROUNDING = 1e-3
"""Relative difference that the rounding of float32 may make between two ways to a gradient."""


class FilterSquares:
    """Σ_x ⟨(∂ v(x)·f(x) / ∂w)²⟩ over images x, for directions v in the space of the outputs f.

    ⟨⟩ is the mean over the weights of a filter. A layer's inputs and the gradients at its outputs
    give the gradients of all images of a batch at once. Two images are tried first. Where the
    batch does not give what they give alone, for instance because a layer is called twice, all
    images go one by one. Sums are in float64 and in the order of the images.

    Args:
        network: the probe, in evaluation mode; it is left without gradients.
        logits: f for the images of a batch, by their index, through the network.
        head: name of the network's own last linear layer.
        n_images: how many there are, from index 0.

    Attributes:
        size: images of a batch, by what fits into the memory; 1 where they go one by one.
    """

    def __init__(self, network: nn.Module, logits: Logits, *, head: str, n_images: int) -> None:
        self._network, self._logits, self._n_images = network, logits, n_images
        self._layers = list(filtered_layers(network, head=head).values())
        self._weights = [weight_of(layer) for layer in self._layers]
        self.size = self._tried()

    def sums(self, directions: Directions) -> Float64[Tensor, "directions filters"]:
        """The sum over all images for each direction, layer by layer in order of registration.

        Args:
            directions: v of every image, from the logits of a batch; it is asked in the order of
                the images.
        """
        batches = torch.split(torch.arange(self._n_images), self.size)
        total = self._of(batches[0], directions)
        for batch in batches[1:]:
            total += self._of(batch, directions)
        return total

    def _of(self, batch: Tensor, directions: Directions) -> Float64[Tensor, "directions filters"]:
        with _differentiable(self._network, self._weights):
            if len(batch) == 1:
                return torch.stack([torch.cat(s) for s in self._alone(batch, directions)])
            with _kept(self._layers) as calls:
                predicted = self._logits(batch)
            found = self._together(predicted, calls, directions)
            return torch.stack([torch.cat([s.sum(0) for s in squares]) for squares in found])

    def _together(
        self, predicted: Tensor, calls: "Calls", directions: Directions
    ) -> Iterator[list[Float64[Tensor, "batch outputs"]]]:
        """Squares of every image at once, layer by layer, for each direction."""
        outputs = [calls[layer][0][1] for layer in self._layers]
        patches = [input_patches(layer, calls[layer][0][0]) for layer in self._layers]
        for v in directions(predicted.detach().double().cpu()):
            gradients = _grad(predicted, v, outputs)
            yield [
                p.squares(g).cpu() for p, g in zip(patches, gradients, strict=True) if p is not None
            ]

    def _alone(
        self, image: Tensor, directions: Directions
    ) -> Iterator[list[Float64[Tensor, " outputs"]]]:
        """Squares of one image by plain differentiation, layer by layer, for each direction."""
        predicted = self._logits(image)
        for v in directions(predicted.detach().double().cpu()):
            gradients = _grad(predicted, v, self._weights)
            yield [mean_over_filter(g.double() ** 2).cpu() for g in gradients]

    def _tried(self) -> int:
        """How many images can go at once: as many as memory takes, or one."""
        two = torch.arange(2) % self._n_images
        with _differentiable(self._network, self._weights), _kept(self._layers) as calls:
            predicted = self._logits(two)
            whole = [calls[m][0][0] for m in self._layers if len(calls[m]) == 1]
            if len(whole) < len(self._layers) or any(len(x) != 2 for x in whole):
                return 1
            patches = [input_patches(m, x) for m, x in zip(self._layers, whole, strict=True)]
            kept = [p.matrix[0].numel() for p in patches if p is not None]
            if len(kept) < len(patches) or not self._agrees(two, predicted, calls):
                return 1
        each = sum(kept) + max(w.numel() for w in self._weights)
        return max(1, min(MOST, FLOATS // each))

    def _agrees(self, two: Tensor, predicted: Tensor, calls: "Calls") -> bool:
        (together,) = self._together(predicted, calls, _slope)
        for row, image in enumerate(torch.split(two, 1)):
            (alone,) = self._alone(image, _slope)
            for batch, one in zip(together, alone, strict=True):
                if float((batch[row] - one).norm()) > ROUNDING * float(one.norm()):
                    return False
        return True


Calls = dict[nn.Module, list[tuple[Tensor, Tensor]]]
"""Input and output of every call of a layer."""


@contextmanager
def _kept(layers: list[nn.Module]) -> Iterator[Calls]:
    """Inside the block, the calls of the layers are kept."""
    calls: Calls = {layer: [] for layer in layers}

    def keep(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
        calls[layer].append((inputs[0].detach(), output))
        return output.clone()  # an activation may work in place

    hooks = [layer.register_forward_hook(keep) for layer in layers]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _differentiable(network: nn.Module, weights: list[Tensor]) -> Iterator[None]:
    """Inside the block, these weights alone want gradients; afterwards none do."""
    network.requires_grad_(False)
    for weight in weights:
        weight.requires_grad_(True)
    try:
        yield
    finally:
        network.requires_grad_(False)


def _grad(predicted: Tensor, v: Tensor, by: list[Tensor]) -> list[Tensor]:
    """The gradient of Σ v·f, 0 where the predictions do not depend on something."""
    v = v.to(predicted.device, predicted.dtype)
    found = torch.autograd.grad(
        predicted, by, v, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return list(found)


def _slope(logits: Tensor) -> Iterator[Tensor]:
    """One direction that no output is left out of."""
    yield torch.linspace(-1, 2, logits.shape[1], dtype=torch.float64).expand(logits.shape)

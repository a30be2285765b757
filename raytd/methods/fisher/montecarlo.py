"""The Fisher information of filters by labels drawn from predictions, as its authors have it."""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from jaxtyping import Int64
from torch import Tensor, nn

from raytd.methods.fisher.diagonal import Diagonal
from raytd.methods.fisher.filters import filtered_layers, mean_over_filter, weight_of


def montecarlo_fisher(
    network: nn.Module,
    logits: Callable[[Int64[Tensor, " batch"]], Tensor],
    *,
    head: str,
    batches: Iterable[Int64[Tensor, " batch"]],
    per_pass: int,
    generator: torch.Generator,
) -> Diagonal:
    """F of every filter: the mean over batches of B g², averaged over the filter's weights.

    g is the gradient of the mean of −log p(y|x) over a batch of B images, with y drawn from the
    network's own p(·|x). Gradients of different images are independent and have mean 0, so that
    B E[g²] is the Fisher information of one image for any B. Achille et al. (2019), eq. (2).

    Args:
        network: the probe, in evaluation mode; it is left without gradients.
        logits: predictions for the images of a batch, by their index, through the network.
        head: name of the network's own last linear layer.
        batches: indices of images.
        per_pass: batches that see every image once; each such pass is a draw of its own.
        generator: on the CPU, of the drawn labels.

    Returns:
        One number a filter, layer by layer in order of registration, on the CPU.
    """
    weights = [weight_of(layer) for layer in filtered_layers(network, head=head).values()]
    network.requires_grad_(False)
    for weight in weights:
        weight.requires_grad_(True)
    totals = [torch.zeros(len(w), dtype=torch.float64) for w in weights]
    sums_until = [torch.cat(totals)]
    n_batches = 0
    for batch in batches:
        predicted = logits(batch)
        drawn = _drawn(predicted.detach(), generator)
        loss = F.cross_entropy(predicted, drawn)
        gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        for total, gradient in zip(totals, gradients, strict=True):
            if gradient is not None:
                total += len(batch) * mean_over_filter(gradient.double() ** 2).cpu()
        n_batches += 1
        if n_batches % per_pass == 0:
            sums_until.append(torch.cat(totals))
    network.requires_grad_(False)
    draws = torch.stack(sums_until).diff(dim=0) / per_pass
    passes = len(draws)
    return Diagonal(torch.cat(totals) / n_batches, draws, passes, passes)


def _drawn(logits: Tensor, generator: torch.Generator) -> Int64[Tensor, " batch"]:
    """One label for each image from its predicted distribution."""
    probs = torch.softmax(logits.double().cpu(), dim=1)
    return torch.multinomial(probs, 1, generator=generator)[:, 0].to(logits.device)

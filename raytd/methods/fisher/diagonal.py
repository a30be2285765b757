"""The diagonal of the Fisher information: all labels one by one, or random signs over them.

The Fisher matrix of an image is Jᵀ S J with J the Jacobian of the logits and S = diag p − p pᵀ, the
covariance of a label drawn from p. S = L Lᵀ with L = diag √p − p √pᵀ, whose column y is
√p_y (e_y − p). The squares of Jᵀ L's columns add up to the diagonal. So do those of Jᵀ L z on
average over random signs z. Their relative variance is at most 2, however sure the network is.
That of drawn labels is about 1 / (1 − p), because nearly all of the information is in rare labels.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from raytd.methods.fisher.squares import FilterSquares

ENUMERATED = 32
"""Classes up to which their labels are taken one by one without a look at what signs would cost."""

ROUND = 8
"""Signs of an image that are drawn before their error is looked at for the first time."""


@dataclass(frozen=True)
class Diagonal:
    """Fisher information of filters.

    Attributes:
        values: one number a filter.
        draws: the same from each set of draws alone, whose mean it is; None where nothing is drawn.
        gradients: of each image, taken for it.
        forwards: of each image, taken for it.
    """

    values: Float64[Tensor, " filters"]
    draws: Float64[Tensor, "draws filters"] | None
    gradients: int
    forwards: int


def exact_diagonal(squares: FilterSquares, *, n_images: int, n_classes: int) -> Diagonal:
    """F = mean_x Σ_y p(y|x) (∂ log p(y|x) / ∂w)², averaged over each filter's weights.

    Achille et al. (2019), eq. (2), with the expectation over labels taken as the sum that it is.
    """
    total = squares.sums(_columns).sum(0)
    return Diagonal(total / n_images, None, n_classes, 1)


def sufficient_diagonal(
    squares: FilterSquares,
    *,
    n_images: int,
    n_classes: int,
    error: float,
    generator: torch.Generator,
) -> Diagonal:
    """The same within an error: by random signs where they need fewer gradients than all labels.

    Args:
        squares: of the probe and the images.
        n_images: how many.
        n_classes: of the task.
        error: relative standard error, root mean square over filters, at which draws end.
        generator: on the CPU, of the signs; every image has its own, whatever the batches.
    """
    if n_classes <= ENUMERATED:
        return exact_diagonal(squares, n_images=n_images, n_classes=n_classes)
    draws = _drawn(squares, ROUND, generator) / n_images
    rounds = 1
    while (reached := relative_error(draws)) > error:
        wanted = math.ceil(len(draws) * (reached / error) ** 2)
        if wanted >= n_classes:
            exact = exact_diagonal(squares, n_images=n_images, n_classes=n_classes)
            return Diagonal(exact.values, None, n_classes + len(draws), 1 + rounds)
        draws = torch.cat([draws, _drawn(squares, wanted - len(draws), generator) / n_images])
        rounds += 1
    return Diagonal(draws.mean(0), draws, len(draws), rounds)


def relative_error(draws: Float64[Tensor, "draws filters"]) -> float:
    """Standard error of the mean over draws, relative to it; root mean square over filters."""
    mean = draws.mean(0)
    live = mean > 0
    if not bool(live.any()):
        return 0.0
    variance = draws.var(0)[live] / len(draws)
    return float((variance / mean[live] ** 2).mean().sqrt())


def _columns(
    logits: Float64[Tensor, "batch classes"],
) -> Iterator[Float64[Tensor, "batch classes"]]:
    """√p_y (e_y − p) for every label y."""
    log_p = torch.log_softmax(logits, dim=1)
    for y in range(logits.shape[1]):
        column = -log_p.exp()
        column[:, y] = -torch.expm1(log_p[:, y])
        yield (log_p[:, y, None] / 2).exp() * column


def _drawn(
    squares: FilterSquares, n_draws: int, generator: torch.Generator
) -> Float64[Tensor, "draws filters"]:
    """L z for random signs z: the sum over images for each draw."""

    def directions(logits: Tensor) -> Iterator[Tensor]:
        log_p = torch.log_softmax(logits, dim=1)
        p, root = log_p.exp(), (log_p / 2).exp()
        shape = (n_draws, logits.shape[1])
        signs = torch.stack(
            [2 * torch.randint(2, shape, generator=generator, dtype=torch.int8) - 1 for _ in logits]
        )
        for z in signs.unbind(1):
            yield root * z - p * (root * z).sum(1, keepdim=True)

    return squares.sums(directions)

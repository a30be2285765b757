"""The distance between two embeddings: Task2Vec's normalised cosine distance."""

import torch
from jaxtyping import Float64
from torch import Tensor

from raytd.errors import InputError
from raytd.transport.solvers.problem import refuse

FLOOR = 1e-8
"""Added to F₀ + F₁, so that filters without information count for nothing."""


def normalised_cosine(
    first: Float64[Tensor, " filters"], second: Float64[Tensor, " filters"]
) -> float:
    """1 − cos(h₀, h₁) with h_k = F_k / (F₀ + F₁ + 1e−8), from 0 to 1; equal embeddings are at 0.

    Computed as |u₀ − u₁|²/2 of the unit vectors. Achille et al. (2019), section 4.

    Raises:
        InputError: if the embeddings are of different probes, or hold anything but finite
            non-negative numbers.
    """
    if first.shape != second.shape or first.ndim != 1:
        raise InputError(
            f"embeddings have the shapes {tuple(first.shape)} and {tuple(second.shape)}; both must "
            "be of one probe"
        )
    for name, values in (("first", first), ("second", second)):
        bad = ~(torch.isfinite(values) & (values >= 0))
        refuse(name, values, bad, "Fisher information is finite and not negative")
    total = first + second + FLOOR
    return float(((_unit(first / total) - _unit(second / total)) ** 2).sum()) / 2


def jackknifed_error(
    first: Float64[Tensor, " filters"],
    second: Float64[Tensor, " filters"],
    draws: Float64[Tensor, "draws filters"],
) -> tuple[float, float]:
    """How far the draws behind the first embedding move its distance to the second.

    Args:
        first: the mean over the draws.
        second: an embedding of the same probe.
        draws: at least two.

    Returns:
        The variance of the distance and its bias, which is upward where noise makes two embeddings
        differ. Both leave out each draw in turn, Efron (1982).
    """
    n = len(draws)
    total = draws.sum(0)
    left = torch.tensor(
        [normalised_cosine((total - d).clamp(min=0) / (n - 1), second) for d in draws],
        dtype=torch.float64,
    )
    variance = (n - 1) * float(left.var(correction=0))
    return variance, (n - 1) * (float(left.mean()) - normalised_cosine(first, second))


def _unit(vector: Tensor) -> Tensor:
    """A vector of length 1; that of zeros is left alone."""
    norm = vector.norm()
    unit: Tensor = vector / norm.where(norm > 0, 1.0)
    return unit

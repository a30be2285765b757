"""Fisher-Rao geometry of class probabilities, computed from logits without losing small lengths.

Lengths are in radians on the statistical manifold, where two categorical distributions are never
farther apart than π.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from raytd.errors import InputError


def log_probs(logits: Float[Tensor, "*batch classes"]) -> Float[Tensor, "*batch classes"]:
    """Logarithms of the class probabilities, log softmax, in float64.

    Neighbouring points of a trajectory differ by KL divergences far below float32's resolution of
    the probabilities, so the cast comes before the softmax.
    """
    return torch.log_softmax(logits.double(), dim=-1)


def kl_divergence(
    log_p: Float[Tensor, "*batch classes"], log_q: Float[Tensor, "*batch classes"]
) -> Float[Tensor, "*batch"]:
    """KL[p, q] in nats, as Σ p (expm1(d) − d) with d = log q − log p: never negative.

    The added Σ p expm1(d) = Σ (q − p) is zero, and every summand is non-negative, so nothing
    cancels when p and q are close. Classes with p = 0 and q = 0 contribute nothing.

    Raises:
        InputError: if the two differ in shape.
    """
    _check_shapes(log_p, log_q)
    p = log_p.exp()
    present = p >= torch.finfo(p.dtype).tiny  # below it, expm1(d) could overflow
    d = torch.where(present, log_q - log_p, torch.zeros_like(log_p))
    lost_mass = torch.where(present, torch.zeros_like(p), log_q.exp())
    return (p * (torch.expm1(d) - d) + lost_mass).sum(dim=-1)


def segment_length(
    log_p: Float[Tensor, "*batch classes"], log_q: Float[Tensor, "*batch classes"]
) -> Float[Tensor, "*batch"]:
    """Length ds = sqrt(2 KL[p, q]) of a short segment, in radians, eq. (5)."""
    return (2 * kl_divergence(log_p, log_q)).sqrt()


def fisher_rao_distance(
    log_p: Float[Tensor, "*batch classes"], log_q: Float[Tensor, "*batch classes"]
) -> Float[Tensor, "*batch"]:
    """Geodesic distance 2 arccos Σ sqrt(p q), in radians, as 4 asin(‖sqrt p − sqrt q‖ / 2).

    Raises:
        InputError: if the two differ in shape.
    """
    _check_shapes(log_p, log_q)
    chord = torch.linalg.vector_norm((log_p / 2).exp() - (log_q / 2).exp(), dim=-1)
    return (4 * torch.asin(chord / 2)).clamp(max=math.pi)


def vertex_distance(
    log_p: Float[Tensor, "*batch classes"],
) -> Float[Tensor, "*batch classes"]:
    """Geodesic distance 2 arccos sqrt(p_c) from each distribution to each corner, in radians.

    Computed as 2 atan2(sqrt(1 − p_c), sqrt(p_c)), which keeps its digits at a corner.
    """
    rest = -torch.expm1(log_p)
    return 2 * torch.atan2(rest.clamp(min=0).sqrt(), (log_p / 2).exp())


def _check_shapes(log_p: Tensor, log_q: Tensor) -> None:
    if log_p.shape != log_q.shape:
        raise InputError(
            f"log_p has shape {tuple(log_p.shape)} and log_q {tuple(log_q.shape)}; both must be "
            "distributions over the same classes"
        )

"""The interpolated task p_τ: which pairs are drawn, and how the two ends of a pair are mixed."""

from typing import get_args

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from raytd.errors import InputError
from raytd.transfer.settings import Mixing
from raytd.transport.solvers.problem import refuse


def draw_pairs(
    coupling: Float64[Tensor, " pairs"], uniforms: Float64[Tensor, " draws"]
) -> Int64[Tensor, " draws"]:
    """Indices of pairs drawn from a coupling by inverse CDF.

    The same uniform picks the same row under every coupling with the same row sums, so two
    couplings differ by what they couple and not by luck. A pair without mass is never drawn.

    Args:
        coupling: non-negative masses in a fixed order, of any total.
        uniforms: in [0, 1).

    Raises:
        InputError: if a mass is negative or not finite, all are 0, or a uniform is out of range.
    """
    refuse("coupling", coupling, ~torch.isfinite(coupling), "masses must be finite")
    refuse("coupling", coupling, coupling < 0, "masses must not be negative")
    if not bool(coupling.any()):
        raise InputError("coupling is 0 everywhere; no pair can be drawn from it")
    refuse("uniforms", uniforms, ~((uniforms >= 0) & (uniforms < 1)), "it must be in [0, 1)")
    cdf = coupling.cumsum(0)
    last = int(torch.nonzero(coupling)[-1])
    return torch.searchsorted(cdf, uniforms * cdf[-1], right=True).clamp(max=last)


def mixing_coefficients(
    law: Mixing, tau: Float64[Tensor, " draws"], uniforms: Float64[Tensor, " draws"]
) -> Float64[Tensor, " draws"]:
    """The coefficients t of x = (1 − t) x_i + t x'_j, one for each τ in [0, 1].

    `beta`: t ~ Beta(τ, 1 − τ), by inverse CDF; `linear`: t = τ, eq. (17d); `bernoulli`: t is 0 or
    1 with mean τ, eq. (15). All have mean τ.

    Raises:
        InputError: if the law is none of these, or a τ is not in [0, 1].
    """
    if law not in get_args(Mixing):
        raise InputError(f"mixing is {law!r}; choose from {', '.join(get_args(Mixing))}")
    refuse("tau", tau, ~((tau >= 0) & (tau <= 1)), "it must be in [0, 1]")
    if law == "linear":
        return tau.clone()
    if law == "bernoulli":
        return (uniforms < tau).double()
    from scipy.special import betaincinv

    inside = (tau > 0) & (tau < 1)
    safe = torch.where(inside, tau, torch.full_like(tau, 0.5)).numpy()
    drawn = torch.from_numpy(betaincinv(safe, 1 - safe, uniforms.numpy()))
    return torch.where(inside, drawn, tau)


def mix(
    source: Float[Tensor, "*batch c h w"], target: Float[Tensor, "*batch c h w"], t: Tensor | float
) -> Float[Tensor, "*batch c h w"]:
    """(1 − t) x_i + t x'_j; exactly one end where t is 0 or 1."""
    return (1 - t) * source + t * target


def crop_and_flip(
    images: Float[Tensor, "batch c h w"], uniforms: Float64[Tensor, "3 batch"]
) -> Float[Tensor, "batch c h w"]:
    """Images shifted by up to an eighth of their side, zeros coming in, and half of them mirrored.

    Args:
        images: of which each is treated by itself.
        uniforms: in [0, 1): vertical shift, horizontal shift, mirror.
    """
    height, width = images.shape[-2:]
    reach_y, reach_x = height // 8, width // 8
    padded = torch.nn.functional.pad(images, (reach_x, reach_x, reach_y, reach_y))
    u = uniforms.to(images.device)
    top = (u[0] * (2 * reach_y + 1)).long()[:, None] + torch.arange(height, device=images.device)
    left = (u[1] * (2 * reach_x + 1)).long()[:, None] + torch.arange(width, device=images.device)
    left = torch.where(u[2, :, None] < 0.5, left.flip(1), left)
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[batch, top[:, :, None], left[:, None, :]].permute(0, 3, 1, 2)

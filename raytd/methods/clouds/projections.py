"""Labelled points on random lines: the data point projection of s-OTDD, Nguyen et al. (2025)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from raytd.transport.solvers.problem import refuse

HIGHEST_ORDER = 60
"""No moment of a higher order is drawn: a Poisson law of rate 20 exceeds it once in 10^12."""


@dataclass(frozen=True)
class Projections:
    """Random maps from labelled points to numbers.

    The laws of the directions and of the orders are those of the authors' program.

    Attributes:
        directions: θ, uniform on the unit sphere. They also project the points of a class (φ = θ).
        weights: ψ, uniform on the unit sphere, of the point and of each moment of its class.
        orders: λ, of the moments; the i-th has a Poisson law of rate i that leaves out zero.
    """

    directions: Float64[Tensor, "lines d"]
    weights: Float64[Tensor, "lines moments_and_one"]
    orders: Int64[Tensor, "lines moments"]

    @staticmethod
    def drawn(
        n: int, *, dimensions: int, moments: int, generator: torch.Generator
    ) -> "Projections":
        """So many of them.

        Args:
            n: how many.
            dimensions: d, of the points.
            moments: of a class that are taken.
            generator: on the CPU.
        """
        return Projections(
            _on_sphere(n, dimensions, generator),
            _on_sphere(n, moments + 1, generator),
            torch.stack([_orders(n, float(i + 1), generator) for i in range(moments)], dim=1),
        )

    def of(
        self, points: Float64[Tensor, "n d"], labels: Int64[Tensor, " n"]
    ) -> Float64[Tensor, "lines n"]:
        """ψ₀ θᵀx + Σ_i ψ_i M_i(y), with M_i the mean of (θᵀx)^λ_i / λ_i! over the class of x.

        Raises:
            InputError: if a moment is too large for a number; take features of a smaller scale.
        """
        along = points @ self.directions.T
        terms = along[:, :, None] ** self.orders / torch.lgamma(self.orders.double() + 1).exp()
        counts = labels.bincount().double()
        sums = terms.new_zeros(len(counts), *terms.shape[1:]).index_add_(0, labels, terms)
        moments = sums / counts.clamp(min=1)[:, None, None]
        of_classes = (moments * self.weights[:, 1:]).sum(dim=2)
        refuse(
            "moments of classes", of_classes, ~torch.isfinite(of_classes),
            "they must be finite; take features of a smaller scale",
        )  # fmt: skip
        projected: Tensor = (along * self.weights[:, 0] + of_classes[labels]).T
        return projected


def _on_sphere(n: int, dimensions: int, generator: torch.Generator) -> Float64[Tensor, "n d"]:
    drawn = torch.randn((n, dimensions), dtype=torch.float64, generator=generator)
    unit: Tensor = drawn / drawn.norm(dim=1, keepdim=True)
    return unit


def _orders(n: int, rate: float, generator: torch.Generator) -> Int64[Tensor, " n"]:
    """Numbers from 1 on with a Poisson law of that rate that leaves out zero."""
    orders = torch.arange(1, HIGHEST_ORDER + 1, dtype=torch.float64)
    law = (orders * torch.tensor(rate).log() - torch.lgamma(orders + 1)).exp()
    return 1 + torch.multinomial(law, n, replacement=True, generator=generator)

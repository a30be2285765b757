"""Squared Wasserstein distances between clouds of points on a line, in closed form."""

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from raytd.errors import InputError


def squared_wasserstein_on_line(
    x: Float64[Tensor, "lines n"], y: Float64[Tensor, "lines m"]
) -> Float64[Tensor, " lines"]:
    """W² between n and m equally heavy points on each of several lines, in squared units.

    The optimal coupling on a line is that of equal ranks: W² = ∫ (F⁻¹(u) − G⁻¹(u))² du. Both
    quantile functions are constant between the levels i/n and j/m, so the integral is a finite sum.

    Raises:
        InputError: if the clouds have no points, or lie on different numbers of lines.
    """
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or 0 in (x.shape[1], y.shape[1]):
        raise InputError(
            f"clouds of shapes {tuple(x.shape)} and {tuple(y.shape)}; both must be (lines, points) "
            "with the same number of lines and a point at least"
        )
    rank_x, rank_y, weight = _equal_ranks(x.shape[1], y.shape[1])
    difference = x.sort(dim=1).values[:, rank_x] - y.sort(dim=1).values[:, rank_y]
    squares: Tensor = difference**2 @ weight
    return squares


def _equal_ranks(
    n: int, m: int
) -> tuple[Int64[Tensor, " parts"], Int64[Tensor, " parts"], Float64[Tensor, " parts"]]:
    """Ranks in both clouds, and masses, of the parts between two levels; exact in whole numbers."""
    # In units of 1/(n m); a level of both comes twice, and the part between has no mass.
    levels = torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n]).sort().values
    weight = torch.diff(levels, prepend=levels.new_zeros(1)).double() / (n * m)
    return (levels - 1) // m, (levels - 1) // n, weight

"""Squared 2-Wasserstein distances between Gaussians, by the Bures metric of their covariances."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from raytd.errors import InputError
from raytd.transport.settings import Covariance


@dataclass(frozen=True)
class Gaussian:
    """The Gaussian with the moments of a cloud of points, each of them as likely.

    Attributes:
        mean: m.
        factor: A with at most d rows; the covariance S is Aᵀ A, of whatever rank.
    """

    mean: Float64[Tensor, " d"]
    factor: Float64[Tensor, "rank d"]

    @staticmethod
    def of(points: Float64[Tensor, "n d"]) -> "Gaussian":
        """The moments of points; a single one has covariance 0.

        Raises:
            InputError: if there is no point.
        """
        if not len(points):
            raise InputError("a class without images has no mean; leave it out of the task")
        mean = points.mean(dim=0)
        factor = (points - mean) / len(points) ** 0.5
        if factor.shape[0] > factor.shape[1]:
            factor = torch.linalg.qr(factor, mode="r").R
        return Gaussian(mean, factor)

    @property
    def deviations(self) -> Float64[Tensor, " d"]:
        """Standard deviation in every dimension."""
        deviations: Tensor = self.factor.norm(dim=0)
        return deviations


def squared_wasserstein(
    first: Gaussian, second: Gaussian, *, covariance: Covariance = "full"
) -> float:
    """W² = |m − m'|² + tr S + tr S' − 2 tr (S^½ S' S^½)^½, in squared units of the points.

    With S = Aᵀ A the last trace is the sum of the singular values of A A'ᵀ: exact for covariances
    of any rank, without a root of a matrix that has none to full precision. `diagonal` leaves
    covariances between dimensions out: |m − m'|² + |σ − σ'|². Equal clouds are at 0 exactly.
    """
    if torch.equal(first.mean, second.mean) and torch.equal(first.factor, second.factor):
        return 0.0
    means = float(((first.mean - second.mean) ** 2).sum())
    if covariance == "diagonal":
        return means + float(((first.deviations - second.deviations) ** 2).sum())
    traces = float((first.factor**2).sum() + (second.factor**2).sum())
    cross = float(torch.linalg.svdvals(first.factor @ second.factor.T).sum())
    return means + max(0.0, traces - 2 * cross)


def pairwise(
    rows: Sequence[Gaussian], columns: Sequence[Gaussian], *, covariance: Covariance = "full"
) -> Float64[Tensor, "rows columns"]:
    """W² between every Gaussian of one list and every one of another."""
    squares = [[squared_wasserstein(r, c, covariance=covariance) for c in columns] for r in rows]
    return torch.tensor(squares, dtype=torch.float64)

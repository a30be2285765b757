"""Matrices of features: checked, and their covariance with and without shrinkage."""

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from raytd.errors import InputError
from raytd.transport.solvers.problem import refuse


def checked_features(features: Float[Tensor, "images d"]) -> Float64[Tensor, "images d"]:
    """Features in float64.

    Raises:
        InputError: if they are no matrix of finite numbers with a row and a column at least.
    """
    if features.ndim != 2 or 0 in features.shape or not features.is_floating_point():
        raise InputError(
            f"features is {features.dtype} of shape {tuple(features.shape)}; it must be floating "
            "point of shape (images, dimensions) and not empty"
        )
    matrix = features.double()
    refuse("features", matrix, ~torch.isfinite(matrix), "features must be finite")
    return matrix


def shrinkage(centred: Float64[Tensor, "images d"]) -> float:
    """The weight of the scaled identity in the Ledoit-Wolf covariance, in [0, 1].

    With S the covariance and μ = tr S / d, it is the mean squared distance (‖·‖² / d) of x xᵀ from
    S, over n, divided by the squared distance of S from μ I. Ledoit and Wolf (2004), section 3.
    Where S is μ I there is nothing to shrink.
    """
    n, d = centred.shape
    covariance = centred.T @ centred / n
    spread = float((covariance**2).sum()) - float(covariance.trace()) ** 2 / d
    if not spread > 0:
        return 0.0
    fourth = float((centred**2).sum(dim=1).pow(2).sum()) / n
    noise = (fourth - float((covariance**2).sum())) / n
    return min(max(noise / spread, 0.0), 1.0)

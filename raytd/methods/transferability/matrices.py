"""Matrices of features: checked, their principal components, and how far to shrink covariances."""

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from raytd.errors import InputError
from raytd.transport.solvers.problem import refuse

SMALLEST = 1e-10
"""Eigenvalues of a covariance below this share of the largest are those of rounding: a feature in
float32 that is a sum of others has one of about 1e-14."""

ROUNDING = 1e-13
"""So are those below this share of the features' mean square, as constant features have."""


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


def principal_components(features: Float[Tensor, "images d"]) -> Float64[Tensor, "images kept"]:
    """The centred features along their principal directions, that of the largest variance first.

    Directions without variance, up to rounding, are left out; constant features keep one of zeros.

    Raises:
        InputError: if the features are no matrix of finite numbers.
    """
    matrix = checked_features(features)
    left, singular, _ = torch.linalg.svd(matrix - matrix.mean(dim=0), full_matrices=False)
    squares = singular**2
    least = max(SMALLEST * float(squares[0]), ROUNDING * float((matrix**2).sum()))
    rank = int((squares > least).sum())
    components: Tensor = left[:, : max(rank, 1)] * singular[: max(rank, 1)]
    return components if rank else torch.zeros_like(components)


def with_share(
    components: Float64[Tensor, "images rank"], share: float
) -> Float64[Tensor, "images kept"]:
    """The fewest of the first principal components that have this share of the variance."""
    sums = (components**2).sum(dim=0).cumsum(dim=0)
    # A share of 1 is reached by the last component, whatever the sums are rounded to.
    n_kept = min(len(sums), int((sums < share * sums[-1]).sum()) + 1)
    return components[:, :n_kept]

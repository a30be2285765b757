"""H-score: how much of the features' variance lies between classes, Bao et al. (2019)."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from raytd.methods.transferability.h_score import Shrinkage
from raytd.methods.transferability.matrices import checked_features, shrinkage
from raytd.methods.transferability.predictions import check_labels

SMALLEST = 1e-10
"""Eigenvalues of a covariance below this share of the largest are those of rounding: a feature in
float32 that is a sum of others has one of about 1e-14."""

ROUNDING = 1e-13
"""So are those below this share of the features' mean square, as constant features have."""


def h_score(
    *,
    features: Float[Tensor, "images d"],
    target_labels: Int64[Tensor, " images"],
    shrink: Shrinkage = "none",
) -> float:
    """tr(cov(f)⁺ cov(E[f|y])), between 0 and the number of classes less one; larger is closer.

    With `ledoit-wolf` it is tr(Σ⁻¹ (1 − a) cov(E[f|y])) with Σ = (1 − a) cov(f) + a μ I, for
    features with about as many dimensions as there are images; Ibrahim et al. (2021).

    Args:
        features: f, what the source model computes of each target image.
        target_labels: y.
        shrink: how the covariance of the features is estimated.

    Raises:
        InputError: if a feature is not finite, or there is not one label for each image.
    """
    matrix = checked_features(features)
    check_labels(target_labels, n_images=len(matrix))
    n, d = matrix.shape
    centred = matrix - matrix.mean(dim=0)
    weight = 0.0 if shrink == "none" else shrinkage(centred)
    covariance = centred.T @ centred / n
    scaled = torch.eye(d, dtype=torch.float64) * covariance.trace() / d
    inverse = torch.linalg.pinv(
        (1 - weight) * covariance + weight * scaled,
        hermitian=True,
        rtol=SMALLEST,
        atol=ROUNDING * float((matrix**2).sum()) / n,
    )
    between = _class_means(centred, target_labels)
    return max(0.0, (1 - weight) * float((between.T @ between * inverse).sum()) / n)


def _class_means(centred: Tensor, labels: Tensor) -> Float[Tensor, "classes d"]:
    """Mean features of each class, times the root of its images."""
    counts = labels.bincount().double()
    sums = centred.new_zeros(len(counts), centred.shape[1]).index_add_(0, labels, centred)
    means: Tensor = sums / counts.clamp(min=1).sqrt()[:, None]
    return means

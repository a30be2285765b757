"""How far apart a target's classes are in a source model's features: H-score and GBC."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from raytd.methods.transferability.gbc import Variances
from raytd.methods.transferability.h_score import Shrinkage
from raytd.methods.transferability.matrices import (
    ROUNDING,
    SMALLEST,
    checked_features,
    shrinkage,
)
from raytd.methods.transferability.predictions import check_labels


def h_score(
    *,
    features: Float[Tensor, "images d"],
    target_labels: Int64[Tensor, " images"],
    shrink: Shrinkage = "none",
) -> float:
    """tr(cov(f)⁺ cov(E[f|y])), between 0 and the number of classes less one; larger is closer.

    Bao et al. (2019). With `ledoit-wolf` it is tr(Σ⁻¹ (1 − a) cov(E[f|y])) with
    Σ = (1 − a) cov(f) + a μ I, for features with about as many dimensions as there are images;
    Ibrahim et al. (2021).

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


@dataclass(frozen=True)
class Overlap:
    """How much the Gaussians of classes overlap.

    Attributes:
        value: −Σ over ordered pairs of classes, from −C (C − 1) to 0; it is 0 where none overlap.
        n_compared: C, classes with two images or more.
        n_single: classes with one image. They have no variance and are left out.
    """

    value: float
    n_compared: int
    n_single: int


def gbc(
    *,
    features: Float[Tensor, "images d"],
    target_labels: Int64[Tensor, " images"],
    variances: Variances = "spherical",
) -> Overlap:
    """−Σ_{i≠j} exp(−D(i, j)), D the Bhattacharyya distance of the Gaussians of two classes.

    D = (m_i − m_j)ᵀ S⁻¹ (m_i − m_j)/8 + log(|S| / (|S_i| |S_j|)^½)/2 with S = (S_i + S_j)/2.
    Larger is closer. Pándy et al. (2022). No variance counts for less than the rounding of the
    features, so that classes of equal images have a distance.

    Args:
        features: what the source model computes of each target image, or principal components.
        target_labels: index of each image's class.
        variances: of a class; `spherical` has one for all dimensions, their mean.

    Raises:
        InputError: if a feature is not finite, or there is not one label for each image.
    """
    matrix = checked_features(features)
    check_labels(target_labels, n_images=len(matrix))
    counts = target_labels.bincount()
    compared = (counts >= 2).nonzero()[:, 0].tolist()
    n_single = int((counts == 1).sum())
    if len(compared) < 2:
        return Overlap(0.0, len(compared), n_single)
    means, spread = _moments([matrix[target_labels == c] for c in compared], variances)
    spread = spread.clamp(min=_least_variance(matrix))
    first, second = torch.triu_indices(len(compared), len(compared), offset=1)
    between = (spread[first] + spread[second]) / 2
    distance = ((means[first] - means[second]) ** 2 / between).sum(dim=1) / 8
    logs = spread.log()
    distance += (between.log() - (logs[first] + logs[second]) / 2).sum(dim=1) / 2
    value = 0.0 - 2 * float((-distance.clamp(min=0)).exp().sum())
    return Overlap(value, len(compared), n_single)


def _moments(
    classes: list[Float64[Tensor, "images d"]], variances: Variances
) -> tuple[Float64[Tensor, "classes d"], Float64[Tensor, "classes d"]]:
    """Mean and variance of each class in every dimension."""
    means = torch.stack([each.mean(dim=0) for each in classes])
    spread = torch.stack([each.var(dim=0, correction=0) for each in classes])
    if variances == "spherical":
        spread = spread.mean(dim=1, keepdim=True).expand_as(spread)
    return means, spread


def _least_variance(matrix: Float64[Tensor, "images d"]) -> float:
    """What rounding alone may leave of a variance; positive also where all features are zero."""
    of_all = float(matrix.var(dim=0, correction=0).mean())
    return max(
        SMALLEST * of_all, ROUNDING * float((matrix**2).mean()), torch.finfo(matrix.dtype).tiny
    )

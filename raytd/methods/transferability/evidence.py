"""LogME: the evidence of a linear model from features to labels, You et al. (2021)."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from raytd.methods.transferability.matrices import checked_features
from raytd.methods.transferability.predictions import check_labels

LEAST_NOISE = 1e-10
"""Least ratio λ of noise to signal, in units of the largest squared singular value of the features.

Labels that the features reproduce exactly have an evidence without bound as the noise vanishes."""

_TOLERANCE, _MOST = 1e-12, 2000


@dataclass(frozen=True)
class Evidence:
    """The greatest log evidence of a linear model, by its two precisions.

    Attributes:
        value: log evidence per image, in nats.
        converged: whether the fixed point was reached.
        noiseless: whether the noise was held at `LEAST_NOISE`.
    """

    value: float
    converged: bool
    noiseless: bool

    def warnings(self, target: str) -> tuple[str, ...]:
        """What a result should say of it.

        Args:
            target: name of the task whose labels these are.
        """
        said = []
        if not self.converged:
            said.append("the evidence did not settle at a fixed point")
        if self.noiseless:
            said.append(
                f"the features of {target} reproduce the labels of a class exactly; the noise is "
                f"held at {LEAST_NOISE:g} of the signal; take more training images"
            )
        return tuple(said)


def logme(
    *, features: Float[Tensor, "images d"], target_labels: Int64[Tensor, " images"]
) -> Evidence:
    """The log evidence per image of the labels, one against the rest, averaged over classes.

    y ~ N(F w, 1/β) with w ~ N(0, 1/α), and α, β that make the evidence of y greatest; y is 1 for
    the images of a class and 0 for the others. Larger is closer. Classes without images are left
    out. The features are not centred and the model has no intercept, as in the paper.

    Args:
        features: F, what the source model computes of each target image.
        target_labels: index of each image's class.

    Raises:
        InputError: if a feature is not finite, or there is not one label for each image.
    """
    matrix = checked_features(features)
    check_labels(target_labels, n_images=len(matrix))
    left, singular, _ = torch.linalg.svd(matrix, full_matrices=False)
    present = target_labels.bincount().nonzero()[:, 0].tolist()
    each = [_evidence((target_labels == c).double(), left, singular**2) for c in present]
    return Evidence(
        value=sum(e.value for e in each) / len(each),
        converged=all(e.converged for e in each),
        noiseless=any(e.noiseless for e in each),
    )


def _evidence(
    y: Float64[Tensor, " images"],
    left: Float64[Tensor, "images rank"],
    s2: Float64[Tensor, " rank"],
) -> Evidence:
    """Greatest evidence of one vector of labels by MacKay's fixed point of λ = α/β.

    With z = Uᵀ y, γ = Σ s²/(λ + s²), |m|² = Σ s² z²/(λ + s²)² and the residual
    R = Σ λ² z²/(λ + s²)² + |y|² − |z|², the next λ is (γ/|m|²) / ((n − γ)/R).
    """
    z2 = (left.T @ y) ** 2
    outside = max(0.0, float(y @ y - z2.sum()))
    n, least = len(y), LEAST_NOISE * float(s2.max())
    lam, last = float(s2.mean()), -math.inf
    for _ in range(_MOST):
        if not float(z2 @ s2) > 0 or math.isinf(lam):
            # No feature goes with the labels: all of them are noise.
            return Evidence(_log_evidence(n, math.inf, s2, outside, z2), True, False)
        ratio, residual, m2 = s2 / lam, _residual(lam, s2, outside, z2), _weight(lam, s2, z2)
        value = _log_evidence(n, lam, s2, outside, z2)
        if abs(value - last) <= _TOLERANCE * max(1.0, abs(value)) or lam == least and last >= value:
            return Evidence(value, True, lam == least)
        gamma = float((ratio / (1 + ratio)).sum())
        last = value
        lam = max(least, gamma * residual / (max(n - gamma, 1e-300) * m2)) if m2 > 0 else math.inf
    return Evidence(last, False, lam == least)


def _residual(lam: float, s2: Tensor, outside: float, z2: Tensor) -> float:
    """|F m − y|², where m is the posterior mean of the weights."""
    return float((z2 / (1 + s2 / lam) ** 2).sum()) + outside


def _weight(lam: float, s2: Tensor, z2: Tensor) -> float:
    """|m|²."""
    return float((s2 * z2 / (lam + s2) ** 2).sum())


def _log_evidence(n: int, lam: float, s2: Tensor, outside: float, z2: Tensor) -> float:
    """Log N(y; 0, (I + F Fᵀ/λ)/β) / n at the β that makes it greatest: n over the misfit.

    The misfit R + λ|m|² is Σ z²/(1 + s²/λ) + |y|² − |z|².
    """
    ratio = s2 / lam
    misfit = float((z2 / (1 + ratio)).sum()) + outside
    variance = misfit / n
    return -0.5 * (math.log(2 * math.pi * variance) + 1 + float(ratio.log1p().sum()) / n)

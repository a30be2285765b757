"""Classes that push each other apart where they overlap: the motion of PED, Li et al. (2023)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from raytd.methods.transferability.matrices import checked_features
from raytd.methods.transferability.predictions import check_labels

LEAST_DEVIATION = 1e-3
"""Least deviation of a feature, in root mean squares of all deviations."""


@dataclass(frozen=True)
class Moved:
    """Features after their classes have moved.

    Attributes:
        features: each of those that came, with the motion of its class.
        steps: that were taken; 0 where no classes overlap.
    """

    features: Float64[Tensor, "images d"]
    steps: int


def pushed_apart(
    *,
    features: Float[Tensor, "images d"],
    target_labels: Int64[Tensor, " images"],
    radius: float,
    time_step: float,
    most_steps: int,
    least_motion: float,
) -> Moved:
    """Features whose classes were pushed apart like soft balls, each class as a whole.

    A class is a ball of mass 1 about its mean, with `radius` times the root of its summed variances
    for its radius. Two balls that overlap by δ push each other with force δ along the line of their
    means. From rest, this moves each by δ · min(Δt²/2, 1) in a step. Two balls with one centre have
    no such line and do not push.

    Args:
        features: what the source model computes of each target image, in comparable units.
        target_labels: index of each image's class.
        radius: of a ball, in deviations of its class.
        time_step: Δt.
        most_steps: that are taken.
        least_motion: a step that moves all classes together by no more than this share of the
            first step is not taken, and ends the motion.

    Raises:
        InputError: if a feature is not finite, or there is not one label for each image.
    """
    matrix = checked_features(features)
    check_labels(target_labels, n_images=len(matrix))
    present = target_labels.bincount().nonzero()[:, 0].tolist()
    groups = [matrix[target_labels == c] for c in present]
    radii = radius * torch.stack([g.var(dim=0, correction=0).sum().sqrt() for g in groups])
    means = torch.stack([g.mean(dim=0) for g in groups])
    moved, first, steps = torch.zeros_like(means), 0.0, 0
    while steps < most_steps:
        step = _step(means + moved, radii, share=min(time_step**2 / 2, 1.0))
        motion = float(step.norm(dim=1).sum())
        first = first or motion
        if motion <= least_motion * first:
            break
        moved, steps = moved + step, steps + 1
    of_class = matrix.new_zeros(max(present) + 1, matrix.shape[1])
    of_class[present] = moved
    return Moved(matrix + of_class[target_labels], steps)


def deviations(reference: Float[Tensor, "others d"]) -> Float64[Tensor, " d"]:
    """Standard deviation of each feature, in which others are measured.

    No feature has less than `LEAST_DEVIATION` of their root mean square; all have 1 where none has
    any.
    """
    found = checked_features(reference).std(dim=0, correction=0)
    mean = float(found.square().mean()) ** 0.5
    return found.clamp(min=LEAST_DEVIATION * mean) if mean > 0 else torch.ones_like(found)


def _step(
    means: Float64[Tensor, "classes d"], radii: Float64[Tensor, " classes"], *, share: float
) -> Float64[Tensor, "classes d"]:
    """How far each ball moves by the pushes of all others."""
    apart = means[:, None] - means
    distance = apart.norm(dim=2)
    overlap = (radii[:, None] + radii - distance).clamp(min=0).fill_diagonal_(0)
    direction = apart / distance.where(distance > 0, 1.0)[:, :, None]
    step: Tensor = (direction * (share * overlap)[:, :, None]).sum(dim=1)
    return step

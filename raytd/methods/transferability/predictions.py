"""What a source model's predictions on a target say about its labels: LEEP and NCE.

Both take the predictions, a row of probabilities for each image, and the labels by keyword only,
and both refuse the one in place of the other: a conditional entropy has no symmetry that would make
an exchange harmless, and no value that would betray it.
"""

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from raytd.errors import InputError
from raytd.transport.solvers.problem import refuse

ROUNDING = 1e-5
"""How far a row of probabilities may be from a sum of one: float32 softmax stays within 1e-6."""


def leep(
    *, source_probs: Float[Tensor, "images source_classes"], target_labels: Int64[Tensor, " images"]
) -> float:
    """Log expected empirical prediction, mean_i log Σ_z P(y_i|z) θ(x_i)_z, in nats.

    P(y|z) comes from the joint P(y, z) = mean_i [y_i = y] θ(x_i)_z. Never above 0, and 0 exactly
    where the target has one class; larger is closer. Nguyen et al. (2020), eq. (3).

    Args:
        source_probs: θ, what the source model predicts for each target image.
        target_labels: y.

    Raises:
        InputError: if these are no probabilities, or no labels, of the same images.
    """
    theta = _checked(source_probs, target_labels)
    joint = _joint(theta, target_labels)
    likelihood = (theta @ _given_source(joint).T).gather(1, target_labels[:, None])
    return min(0.0, float(likelihood.log().mean()))


def nce(
    *, source_probs: Float[Tensor, "images source_classes"], target_labels: Int64[Tensor, " images"]
) -> float:
    """Negative conditional entropy −H(Y|Z) = Σ P(y, z) log P(y|z), in nats.

    Z is the class that the source model finds likeliest, the first of equals; P is the empirical
    joint. Never above 0; larger is closer. Tran et al. (2019), eq. (4).

    Args:
        source_probs: what the source model predicts for each target image.
        target_labels: Y.

    Raises:
        InputError: if these are no probabilities, or no labels, of the same images.
    """
    theta = _checked(source_probs, target_labels)
    predicted = torch.zeros_like(theta).scatter_(1, theta.argmax(dim=1, keepdim=True), 1.0)
    joint = _joint(predicted, target_labels)
    return min(0.0, float(torch.xlogy(joint, _given_source(joint)).sum()))


def check_labels(labels: Tensor, *, n_images: int) -> None:
    """Refuses labels that are not one whole number from 0 on for each image.

    Raises:
        InputError: naming what is wrong.
    """
    if labels.ndim != 1 or labels.dtype != torch.int64:
        raise InputError(
            f"target_labels is {labels.dtype} of shape {tuple(labels.shape)}; it must be "
            "torch.int64 of shape (images,): are predictions and labels exchanged?"
        )
    if len(labels) != n_images or n_images == 0:
        raise InputError(
            f"target_labels has {len(labels)} labels for {n_images} images; each image needs one, "
            "and there must be one at least"
        )
    refuse("target_labels", labels, labels < 0, "labels are indices of classes")


def _checked(probs: Tensor, labels: Tensor) -> Float64[Tensor, "images source_classes"]:
    """The probabilities in float64, once all is well."""
    if probs.ndim != 2 or not probs.is_floating_point():
        raise InputError(
            f"source_probs is {probs.dtype} of shape {tuple(probs.shape)}; it must be floating "
            "point of shape (images, source classes): are predictions and labels exchanged?"
        )
    check_labels(labels, n_images=len(probs))
    theta = probs.double()
    refuse("source_probs", theta, ~(theta >= 0), "probabilities are finite and not negative")
    sums = theta.sum(dim=1)
    off = ~((sums - 1).abs() <= ROUNDING)
    refuse("the sum of source_probs", sums, off, "each image's probabilities add up to 1")
    return theta


def _joint(
    theta: Float64[Tensor, "images source_classes"], labels: Int64[Tensor, " images"]
) -> Float64[Tensor, "classes source_classes"]:
    """P(y, z), empirical."""
    n_classes = int(labels.max()) + 1
    return theta.new_zeros(n_classes, theta.shape[1]).index_add_(0, labels, theta) / len(labels)


def _given_source(
    joint: Float64[Tensor, "classes source_classes"],
) -> Float64[Tensor, "classes source_classes"]:
    """P(y|z); zeros for a z that is never predicted."""
    mass = joint.sum(dim=0)
    return joint / mass.where(mass > 0, 1.0)

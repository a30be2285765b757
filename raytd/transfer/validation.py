"""Pairs of validation images that stand for p_τ, whatever couples the training images."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

Labels = Int64[np.ndarray, " n"]


@dataclass(frozen=True)
class ValidationPairs:
    """As many pairs for each pair of classes, each image as often as the others of its class.

    A coupling says how much mass each pair of classes has; within one, validation images are
    paired without regard to how alike they are. So p_τ of these pairs has the class masses of the
    training pairs, and inputs that may be mixed of less similar images than theirs.

    Attributes:
        source_index: validation image of the source, for each pair.
        target_index: validation image of the target.
        source_labels: output of each pair's source image.
        target_labels: output of its target image.
    """

    source_index: Labels
    target_index: Labels
    source_labels: Labels
    target_labels: Labels

    def weights(self, mass: Float64[np.ndarray, "classes classes"]) -> Float64[np.ndarray, " n"]:
        """Mass of each pair under a coupling with these masses of pairs of outputs."""
        counts = np.zeros_like(mass)
        np.add.at(counts, (self.source_labels, self.target_labels), 1.0)
        each = mass / np.maximum(counts, 1)
        weights: Float64[np.ndarray, " n"] = each[self.source_labels, self.target_labels]
        return weights


def validation_pairs(source: Labels, target: Labels) -> ValidationPairs:
    """Pairs of validation images, about as many as the larger split has images.

    Args:
        source: outputs of the source's validation images.
        target: likewise.
    """
    classes = np.unique(source), np.unique(target)
    n_pairs = len(classes[0]) * len(classes[1])
    each = max(1, round(max(len(source), len(target)) / n_pairs))
    index: tuple[list[Labels], list[Labels]] = ([], [])
    for s, c in enumerate(classes[0]):
        for t, d in enumerate(classes[1]):
            index[0].append(_in_turn(np.flatnonzero(source == c), t * each, each))
            index[1].append(_in_turn(np.flatnonzero(target == d), s * each, each))
    rows, cols = (np.concatenate(side) for side in index)
    return ValidationPairs(rows, cols, source[rows], target[cols])


def class_masses(
    coupling: Float64[np.ndarray, "*pairs"],
    source: Int64[np.ndarray, "*pairs"],
    target: Int64[np.ndarray, "*pairs"],
    n_classes: int,
) -> Float64[np.ndarray, "classes classes"]:
    """Mass of every pair of outputs under a coupling, given the outputs of its pairs."""
    mass = np.zeros((n_classes, n_classes))
    np.add.at(mass, (source, target), coupling)
    return mass


def _in_turn(images: Labels, first: int, count: int) -> Labels:
    """`count` images of a class from the place `first` on, round and round."""
    return images[np.arange(first, first + count) % len(images)]

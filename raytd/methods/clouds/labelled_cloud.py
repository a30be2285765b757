"""A task as labelled points, and the ground cost between two of them: OTDD's, eq. (7)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from raytd.tasks.task import Task
from raytd.transfer.randomness import generator
from raytd.transport.earth_mover import euclidean
from raytd.transport.gaussian import Gaussian, pairwise
from raytd.transport.settings import Covariance


@dataclass(frozen=True)
class GroundCost:
    """What it costs to send each point of one cloud to each of another.

    Attributes:
        pairs: in squared units of the features.
        of_labels: the mean over all pairs of what their labels cost.
    """

    pairs: Float64[Tensor, "n m"]
    of_labels: float


@dataclass(frozen=True)
class LabelledCloud:
    """Points with the Gaussians of their classes.

    Attributes:
        points: features of images.
        labels: class of each point.
        classes: the Gaussian of every class, from all of its images.
    """

    points: Float64[Tensor, "n d"]
    labels: Int64[Tensor, " n"]
    classes: tuple[Gaussian, ...]

    @staticmethod
    def of(
        task: Task, features: Float64[Tensor, "images d"], *, max_samples: int, seed: int
    ) -> "LabelledCloud":
        """The training images of a task, or a sample of them that its content and a seed draw."""
        labels = torch.tensor(task.train.labels)
        classes = tuple(Gaussian.of(features[labels == c]) for c in range(len(task.classes)))
        if len(labels) > max_samples:
            stream = generator(seed, "otdd sample", task.digest)
            chosen = torch.randperm(len(labels), generator=stream)[:max_samples].sort().values
            features, labels = features[chosen], labels[chosen]
        return LabelledCloud(features, labels, classes)

    def cost_to(self, other: "LabelledCloud", *, covariance: Covariance) -> "GroundCost":
        """|x − x'|²/2 + W²(y, y')/2 of every pair of points."""
        between = pairwise(self.classes, other.classes, covariance=covariance)
        of_labels = between[self.labels][:, other.labels] / 2
        squares = euclidean(self.points, other.points) ** 2
        return GroundCost(squares / 2 + of_labels, float(of_labels.mean()))

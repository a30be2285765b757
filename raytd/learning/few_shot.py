"""Learning a task from few images with a new head, from trained weights or from initial ones."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int64
from torch import nn

from raytd.errors import InputError
from raytd.learning.batches import Counter, training_batches
from raytd.learning.images import Images
from raytd.learning.pretrain import accuracy
from raytd.models.heads import find_head
from raytd.tasks.subset import even_counts
from raytd.tasks.task import Task
from raytd.transfer.descent import check_finite, descend
from raytd.transfer.randomness import derive_seed, layers_seeded
from raytd.transfer.settings import Budget
from raytd.transfer.state import Weights

NAME = "transfer"
"""Of the random streams, and of the section that an error points to."""


@dataclass(frozen=True)
class Learnt:
    """How a network learnt.

    Attributes:
        accuracies: on the validation images, at every look.
        forward_images: images that went forward, in training and at the looks.
    """

    accuracies: tuple[float, ...]
    forward_images: int


def few_images(task: Task, total: int, *, stream: torch.Generator) -> Int64[np.ndarray, " n"]:
    """Indices of training images, dealt evenly over the classes and drawn within each.

    Raises:
        InputError: if a class has fewer images than that, or would have none.
    """
    counts = even_counts(total, len(task.classes))
    chosen = []
    for label, count in enumerate(counts):
        of_class = np.flatnonzero(task.train.labels == label)
        if not 0 < count <= len(of_class):
            smallest = int(np.bincount(task.train.labels, minlength=len(counts)).min())
            raise InputError(
                f"{NAME}.n_train: {total} images take {count} of class '{task.classes[label]}' of "
                f"task '{task.name}', which has {len(of_class)}; set it between {len(counts)} and "
                f"{len(counts) * smallest}"
            )
        order = torch.randperm(len(of_class), generator=stream).numpy()
        chosen.append(of_class[order[:count]])
    return np.concatenate(chosen)


def put_body(network: nn.Module, weights: Weights) -> None:
    """Copies trained weights and buffers into a network, all but those of its head."""
    head, _ = find_head(network)
    own = Weights.of(network)
    kept = {n: p for n, p in own.parameters.items() if n.rpartition(".")[0] == head}
    Weights({**weights.parameters, **kept}, weights.buffers).load_into(network)


def learn(network: nn.Module, few: Images, val: Images, budget: Budget, *, seed: int) -> Learnt:
    """Trains a network in place, and looks at it after each `evaluate_every` steps.

    Args:
        network: on the device of the images.
        few: the images that it learns.
        val: those that judge it.
        budget: how long and how.
        seed: of the order of the images and of dropout.

    Raises:
        NotFiniteError: if a weight became NaN or infinite.
    """
    counter = Counter()
    batches = training_batches(few, budget.batch_size, augment="none", seed=seed, name=NAME)
    reached: list[float] = []
    with layers_seeded(derive_seed(seed, f"{NAME} layers"), few.pixels.device):
        for done in descend(network, counter.counting(batches), budget, steps=budget.steps):
            if done % budget.evaluate_every == 0:
                check_finite(network, done, doing="transfer", section=NAME, lr=budget.lr)
                reached.append(accuracy(network.eval(), val))
    return Learnt(tuple(reached), counter.images + len(reached) * len(val.labels))

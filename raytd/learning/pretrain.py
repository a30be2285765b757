"""Training of one network on one task, from its initial weights."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from raytd.errors import NotFiniteError
from raytd.learning.batches import training_batches
from raytd.learning.devices import place
from raytd.learning.images import Images, ImageSlice
from raytd.learning.places import OnTrainingStep, TrainingPlace, unheard
from raytd.models import zoo
from raytd.simplex import log_probs
from raytd.tasks.datasets import Part
from raytd.tasks.task import Task
from raytd.transfer.descent import descend
from raytd.transfer.randomness import derive_seed, layers_seeded
from raytd.transfer.settings import Augment, Descent, EarlyStop, Schedule
from raytd.transfer.state import Weights
from raytd.transfer.trajectory import rate_factor


@dataclass(frozen=True)
class Recipe:
    """How a network is trained on one task.

    Attributes:
        model: name in the zoo.
        steps: SGD steps, at most.
        descent: SGD, from its learning rate at the start.
        schedule: of the learning rate.
        seed: of initial weights, order of images, shifts and dropout.
        drops: under `step`, the steps from which on the rate is multiplied by `gamma` once more.
        gamma: see there.
        augment: what is done to each image.
        early_stop: what is watched on the validation images after each epoch; the weights of the
            best epoch, the earlier one of equals, are kept.
        patience: epochs without improvement after which training ends.
        code: digest of the code of a user's own model.
    """

    model: str
    steps: int
    descent: Descent
    schedule: Schedule | Literal["step"]
    seed: int
    drops: tuple[int, ...] = ()
    gamma: float = 1.0
    augment: Augment = "none"
    early_stop: EarlyStop = "none"
    patience: int = 0
    code: str | None = None

    def rate(self, step: int) -> float:
        """Share of the learning rate that a step uses."""
        if self.schedule == "step":
            share: float = self.gamma ** sum(step >= drop for drop in self.drops)
            return share
        return rate_factor(self.schedule, step, self.steps)


def steps_of(epochs: int, n_images: int, batch_size: int) -> int:
    """SGD steps of that many epochs, the last batch of each included."""
    return epochs * math.ceil(n_images / batch_size)


def pretrain(
    task: Task, recipe: Recipe, *, device: torch.device, on_step: OnTrainingStep = unheard
) -> nn.Module:
    """Trains a network from its initial weights on a task; it comes back in evaluation mode.

    Args:
        task: to learn.
        recipe: how.
        device: that computes.
        on_step: called with the place of the training, which it does not change.

    Raises:
        NotFiniteError: if a weight became NaN or infinite.
    """
    train, val = (on_device(task, part, device) for part in (task.train, task.val))
    fresh = zoo.build(
        recipe.model,
        in_channels=task.image_shape[0],
        n_classes=len(task.classes),
        seed=derive_seed(recipe.seed, "initial weights"),
    )
    model = place(fresh, device)
    with layers_seeded(derive_seed(recipe.seed, "pretraining layers"), device):
        _fit(model, train, val, recipe, on_step)
    if not all(torch.isfinite(p).all() for p in model.parameters()):
        raise NotFiniteError(
            f"source {task.name}, {recipe.model}: training diverged; lower pretrain.lr "
            f"(it is {recipe.descent.lr})"
        )
    return model.eval()


def on_device(task: Task, part: Part, device: torch.device) -> Images:
    """A part of a task, normalised."""
    return Images(ImageSlice(part.images, part.labels, task.mean, task.std), device)


@torch.inference_mode()
def logits(model: nn.Module, images: Images) -> Tensor:
    """Logits of all images, in the model's present mode."""
    return images.in_batches(model, 512)


def accuracy(model: nn.Module, images: Images) -> float:
    """Share of images that are classified right."""
    predicted = log_probs(logits(model, images)).argmax(dim=1)
    return float((predicted == images.labels).double().mean())


class _Best:
    """The best weights so far by what they reach on the validation images."""

    def __init__(self, model: nn.Module, val: Images, recipe: Recipe) -> None:
        self.model, self.val, self.recipe = model, val, recipe
        self._score, self._weights, self._waited = -math.inf, Weights.of(model), 0

    def is_over(self) -> bool:
        """Looks at the present weights; whether nothing has improved for too long."""
        self.model.eval()
        score = self._present_score()
        self._waited += 1
        if score > self._score:
            self._score, self._weights, self._waited = score, Weights.of(self.model), 0
        return self._waited >= self.recipe.patience

    def restore(self) -> None:
        """Puts the best weights back."""
        self._weights.load_into(self.model)

    def _present_score(self) -> float:
        if self.recipe.early_stop == "accuracy":
            return accuracy(self.model, self.val)
        log_p = log_probs(logits(self.model, self.val))
        return float(log_p.gather(1, self.val.labels[:, None]).mean())


def _fit(
    model: nn.Module, train: Images, val: Images, recipe: Recipe, on_step: OnTrainingStep
) -> None:
    best = None if recipe.early_stop == "none" else _Best(model, val, recipe)
    descent = recipe.descent
    per_epoch = steps_of(1, len(train.labels), descent.batch_size)
    batches = training_batches(
        train,
        descent.batch_size,
        augment=recipe.augment,
        seed=recipe.seed,
        name="pretraining",
    )
    on_step(TrainingPlace(0, recipe.steps, per_epoch))
    for done in descend(model, batches, descent, steps=recipe.steps, rate=recipe.rate):
        on_step(TrainingPlace(done, recipe.steps, per_epoch))
        if best is not None and done % per_epoch == 0 and best.is_over():
            on_step(TrainingPlace(recipe.steps, recipe.steps, per_epoch))
            break
    if best is not None:
        best.restore()

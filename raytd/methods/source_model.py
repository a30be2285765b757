"""What the source model of a pair says of images, of either task."""

import torch
from jaxtyping import Float64, Int64
from torch import Tensor, nn

from raytd.engine.setup.context import Context, Pair, source_recipe, source_warning
from raytd.engine.setup.initial_weights import network_at
from raytd.errors import InputError
from raytd.learning.devices import torch_threads
from raytd.learning.pretrain import logits, on_device
from raytd.models.heads import penultimate
from raytd.simplex import log_probs
from raytd.tasks.task import Task

BATCH = 512


class SourceModel:
    """w^s, trained on the source task alone; it looks at training images in evaluation mode.

    Args:
        pair: whose source it was trained on.
        context: of the trial.

    Attributes:
        network: on the device of the source cache.
        accuracy: on the source's validation images.
        warnings: what a result that uses it should say.
    """

    def __init__(self, pair: Pair, context: Context) -> None:
        source = context.sources.get(pair.source, source_recipe(pair, context.pretrain))
        self._shape, self._threads = pair.source.image_shape, context.resources.threads
        self.device = context.sources.device
        self.accuracy = source.accuracy
        warning = source_warning(pair, context.pretrain, source.accuracy)
        self.warnings = () if warning is None else (warning,)
        n_classes = source.weights.parameters[f"{source.head}.weight"].shape[0]
        network = network_at(source.weights, pair, context, n_classes=n_classes)
        self.network: nn.Module = network.eval()

    def probabilities(self, task: Task) -> Float64[Tensor, "images source_classes"]:
        """θ(x): what it predicts for the task's training images, over the source's classes.

        Raises:
            InputError: if it cannot take images of that shape.
        """
        self._check(task)
        with torch_threads(self._threads):
            found = logits(self.network, on_device(task, task.train, self.device))
            return log_probs(found).exp().cpu()

    def features(self, task: Task) -> Float64[Tensor, "images d"]:
        """φ(x): what its head sees of the task's training images.

        Raises:
            InputError: if it cannot take images of that shape.
        """
        self._check(task)
        with torch_threads(self._threads), torch.inference_mode():
            images = on_device(task, task.train, self.device)
            seen = images.in_batches(penultimate(self.network), BATCH)
        return seen.double().cpu()

    def labels(self, task: Task) -> Int64[Tensor, " images"]:
        """The classes of the task's training images."""
        return torch.tensor(task.train.labels)

    def _check(self, task: Task) -> None:
        """Refuses a task whose images are of another shape than the source's."""
        if task.image_shape != self._shape:
            raise InputError(
                f"task '{task.name}' has images of shape {task.image_shape} and the source model "
                f"was trained on {self._shape}; state size and channels for both tasks"
            )

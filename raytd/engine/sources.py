"""Source models: trained once for each (task, model, seed, recipe), then read from the cache."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load, save
from torch import Tensor, nn

from raytd.engine.block import ImageSlice
from raytd.engine.devices import pick_device, torch_threads
from raytd.engine.files import write_bytes, write_json
from raytd.engine.images import Images
from raytd.errors import NotFiniteError
from raytd.models import zoo
from raytd.models.heads import extension_logit, find_head
from raytd.simplex import log_probs
from raytd.tasks.datasets import Part
from raytd.tasks.task import Task
from raytd.transfer.randomness import derive_seed, generator, layers_seeded
from raytd.transfer.state import Weights
from raytd.transfer.trajectory import Schedule, rate_factor

NEW_OUTPUT_MASS = 1e-3
"""Probability that all outputs for new classes have together, on average over the source."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained on one task.

    Attributes:
        model: name in the zoo.
        steps: SGD steps.
        batch_size: images per step.
        lr: learning rate at the start.
        momentum: of SGD.
        weight_decay: of SGD.
        schedule: of the learning rate.
        seed: of initial weights, order of images and dropout.
    """

    model: str
    steps: int
    batch_size: int
    lr: float
    momentum: float
    weight_decay: float
    schedule: Schedule
    seed: int


@dataclass(frozen=True)
class Source:
    """A trained network.

    Attributes:
        weights: w^s.
        head: name of its last linear layer.
        new_output_logit: bias that gives the outputs of new classes `NEW_OUTPUT_MASS` in all.
        accuracy: on the task's validation images.
    """

    weights: Weights
    head: str
    new_output_logit: float
    accuracy: float


def steps_of(epochs: int, n_images: int, batch_size: int) -> int:
    """SGD steps of that many epochs, the last batch of each included."""
    return epochs * math.ceil(n_images / batch_size)


def source_key(task: Task, recipe: Recipe) -> str:
    """Content address of a source: the task's data and the recipe."""
    content = json.dumps({"task": task.digest, "recipe": asdict(recipe)}, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


class SourceCache:
    """Trained sources in a folder, or in memory alone.

    Args:
        folder: where `<key>.safetensors` and `<key>.json` lie; None keeps nothing on disk.
        use_gpu: whether to train on a GPU where there is one.
        threads: torch threads in training.
    """

    def __init__(self, folder: Path | None, *, use_gpu: bool = False, threads: int = 1) -> None:
        self.folder, self.device, self.threads = folder, pick_device(use_gpu), threads
        self._memory: dict[str, Source] = {}

    def has(self, task: Task, recipe: Recipe) -> bool:
        """Whether the source need not be trained."""
        key = source_key(task, recipe)
        return key in self._memory or (self.folder is not None and self._meta(key).exists())

    def get(self, task: Task, recipe: Recipe) -> Source:
        """The trained source, trained now if it is not there.

        Raises:
            NotFiniteError: if training diverges.
            StorageError: if the folder cannot be written.
        """
        key = source_key(task, recipe)
        if key not in self._memory:
            if self.folder is not None and self._meta(key).exists():
                self._memory[key] = self._read(key)
            else:
                with torch_threads(self.threads):
                    self._memory[key] = train(task, recipe, device=self.device)
                self._write(key, task, recipe, self._memory[key])
        return self._memory[key]

    def _meta(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{key}.json"

    def _read(self, key: str) -> Source:
        meta = json.loads(self._meta(key).read_text())
        tensors = load(self._meta(key).with_suffix(".safetensors").read_bytes())
        kinds: dict[str, dict[str, Tensor]] = {"parameters": {}, "buffers": {}}
        for name, tensor in tensors.items():
            kind, _, rest = name.partition("/")
            kinds[kind][rest] = tensor
        weights = Weights(kinds["parameters"], kinds["buffers"])
        return Source(weights, meta["head"], meta["new_output_logit"], meta["accuracy"])

    def _write(self, key: str, task: Task, recipe: Recipe, source: Source) -> None:
        """Weights first: a source counts as there once its description is."""
        if self.folder is None:
            return
        tensors = {f"parameters/{n}": t for n, t in source.weights.parameters.items()}
        tensors |= {f"buffers/{n}": t for n, t in source.weights.buffers.items()}
        write_bytes(self.folder / f"{key}.safetensors", save(tensors))
        meta = {
            "task": task.name,
            "task_digest": task.digest,
            "classes": list(task.classes),
            "accuracy": source.accuracy,
            "head": source.head,
            "new_output_logit": source.new_output_logit,
            "recipe": asdict(recipe),
            "threads": self.threads,
            "device": self.device.type,
        }
        write_json(self._meta(key), meta)


def train(task: Task, recipe: Recipe, *, device: torch.device) -> Source:
    """Trains a network from its initial weights on a task.

    Raises:
        NotFiniteError: if a weight became NaN or infinite.
    """
    images = _on_device(task, task.train, device)
    model = zoo.build(
        recipe.model,
        in_channels=task.image_shape[0],
        n_classes=len(task.classes),
        seed=derive_seed(recipe.seed, "initial weights"),
    ).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    with layers_seeded(derive_seed(recipe.seed, "pretraining layers"), device):
        _fit(model, images, recipe)
    weights = Weights.of(model)
    if not all(torch.isfinite(p).all() for p in weights.parameters.values()):
        raise NotFiniteError(
            f"source {task.name}, {recipe.model}: training diverged; lower pretrain.lr "
            f"(it is {recipe.lr})"
        )
    model.eval()
    validation = _on_device(task, task.val, device)
    return Source(
        weights=weights,
        head=find_head(model)[0],
        new_output_logit=extension_logit(_logits(model, images), mass=NEW_OUTPUT_MASS),
        accuracy=_accuracy(model, validation),
    )


def _fit(model: nn.Module, images: Images, recipe: Recipe) -> None:
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=recipe.lr,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
    )
    model.train()
    order = _batches(len(images.labels), recipe)
    for step, batch in enumerate(order):
        for group in optimizer.param_groups:
            group["lr"] = recipe.lr * rate_factor(recipe.schedule, step, recipe.steps)
        optimizer.zero_grad(set_to_none=True)
        chosen = batch.to(images.pixels.device)
        x = images.pixels[chosen].contiguous(memory_format=torch.channels_last)
        torch.autograd.backward(F.cross_entropy(model(x), images.labels[chosen]))
        optimizer.step()


def _batches(n_images: int, recipe: Recipe) -> list[Tensor]:
    """Indices of each step's images: shuffled epochs, cut into batches of at least two."""
    batches: list[Tensor] = []
    epoch = 0
    while len(batches) < recipe.steps:
        stream = generator(recipe.seed, "pretraining order", epoch)
        order = torch.randperm(n_images, generator=stream)
        cut = (order[i : i + recipe.batch_size] for i in range(0, n_images, recipe.batch_size))
        batches += [b for b in cut if len(b) > 1 or n_images == 1]
        epoch += 1
    return batches[: recipe.steps]


def _on_device(task: Task, part: Part, device: torch.device) -> Images:
    return Images(ImageSlice(part.images, part.labels, task.mean, task.std), device)


@torch.inference_mode()
def _logits(model: nn.Module, images: Images) -> Tensor:
    return images.in_batches(model, 512)


def _accuracy(model: nn.Module, images: Images) -> float:
    predicted = log_probs(_logits(model, images)).argmax(dim=1)
    return float((predicted == images.labels).double().mean())

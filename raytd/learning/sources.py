"""Source models: made once for each (task, model, seed, recipe), then read from the cache."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from raytd.errors import InputError
from raytd.learning.devices import pick_device, place, torch_threads
from raytd.learning.places import TrainingPlace
from raytd.learning.pretrain import Recipe, accuracy, logits, on_device, pretrain
from raytd.models import zoo
from raytd.models.heads import extension_logit, find_head
from raytd.models.weights import file_digest, load_weights, read_weights
from raytd.storage.cache import Kind, address
from raytd.storage.damage import read_if_whole
from raytd.storage.files import write_bytes, write_json
from raytd.storage.path import StoragePath
from raytd.tasks.task import Task
from raytd.transfer.settings import Descent
from raytd.transfer.state import Weights

NEW_OUTPUT_MASS = 1e-3
"""Probability that all outputs for new classes have together, on average over the source."""


@dataclass(frozen=True)
class Given:
    """A network that a user brings, trained on the task already.

    Attributes:
        model: name in the zoo.
        path: file of the weights; where it lies is no part of the identity.
        digest: of the file's content.
        seed: of the run that wants it; for reports.
        code: digest of the code of a user's own model.
    """

    model: str
    path: Path
    digest: str
    seed: int
    code: str | None = None

    @staticmethod
    def of(path: Path, *, model: str, seed: int) -> "Given":
        """The weights in a file, as it is now.

        Raises:
            InputError: in one line, if the file cannot be read.
        """
        canonical = zoo.canonical(model)
        return Given(canonical, path, file_digest(path), seed, zoo.code_digest(model))


Origin = Recipe | Given
"""Where a source model comes from."""


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

    @property
    def digest(self) -> str:
        """Of the numbers of all weights, whatever file they came from; 16 hex digits."""
        content = hashlib.sha256()
        named = {**self.weights.parameters, **self.weights.buffers}
        for name in sorted(named):
            tensor = named[name].detach().cpu().contiguous()
            content.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
            content.update(tensor.numpy().tobytes())
        return content.hexdigest()[:16]


def source_key(task: Task, origin: Origin) -> str:
    """Content address of a source: the task's data, and the recipe or the content of a file."""
    kind = "recipe" if isinstance(origin, Recipe) else "given"
    return address({"task": task.digest, kind: _identity(origin)})


def _identity(origin: Origin) -> dict[str, Any]:
    """What determines the weights; a setting that a recipe leaves alone does not enter."""
    if isinstance(origin, Given):
        return {"model": origin.model, "digest": origin.digest, "code": origin.code}
    own: dict[str, Any] = {
        f.name: v for f in fields(origin) if (v := getattr(origin, f.name)) != f.default
    }
    descent: Descent = own.pop("descent")
    return own | descent.model_dump()


OnTraining = Callable[[Task, Origin, TrainingPlace], None]
"""Is called with what is being trained, and how far it is; see `OnTrainingStep`."""


class SourceCache:
    """Trained sources in a folder, or in memory alone.

    Of several processes that want the same source at once, one makes it and the others wait.

    Args:
        folder: where `<key>.safetensors` and `<key>.json` lie; None keeps nothing on disk.
        use_gpu: whether to train on a GPU where there is one.
        deterministic: see `pick_device`.
        threads: torch threads in training.
        on_training: called while one is being trained here.
    """

    def __init__(
        self,
        folder: StoragePath | None,
        *,
        use_gpu: bool = False,
        deterministic: bool = True,
        threads: int = 1,
        on_training: OnTraining = lambda *_: None,
    ) -> None:
        self.folder, self.threads, self._on_training = folder, threads, on_training
        self.device = pick_device(use_gpu, deterministic=deterministic)
        self._memory: dict[str, Source] = {}

    def has(self, task: Task, origin: Origin) -> bool:
        """Whether the source need not be made."""
        key = source_key(task, origin)
        if key in self._memory or self.folder is None:
            return key in self._memory
        path = self._kind(task, origin).path(self.folder, key)
        about = read_if_whole(
            path, _about, then="The network counts as missing, and is made again."
        )
        return about is not None and path.with_suffix(_WEIGHTS).exists()

    def get(self, task: Task, origin: Origin) -> Source:
        """The source, trained or taken from the user's file now if it is not there.

        Raises:
            NotFiniteError: if training diverges.
            InputError: if the user's weights do not fit.
            StorageError: if the folder cannot be written, or what it holds cannot be read.
            WaitTimeoutError: if another process is at it for too long.
        """
        key = source_key(task, origin)
        if key not in self._memory:
            self._memory[key] = self._kind(task, origin).get(
                self.folder,
                key,
                lambda: self._make(task, origin),
                what=f"source {task.name}, {origin.model}",
            )
        return self._memory[key]

    def held(self, task: Task, origin: Origin) -> Source | None:
        """The source if this cache has made or read it; None if nothing asked for it."""
        return self._memory.get(source_key(task, origin))

    def _make(self, task: Task, origin: Origin) -> Source:
        with torch_threads(self.threads):
            if isinstance(origin, Recipe):
                model = pretrain(
                    task,
                    origin,
                    device=self.device,
                    on_step=lambda place: self._on_training(task, origin, place),
                )
            else:
                model = given_model(task, origin, device=self.device)
            train, val = (on_device(task, part, self.device) for part in (task.train, task.val))
            return Source(
                weights=Weights.of(model),
                head=find_head(model)[0],
                new_output_logit=extension_logit(logits(model, train), mass=NEW_OUTPUT_MASS),
                accuracy=accuracy(model, val),
            )

    def _kind(self, task: Task, origin: Origin) -> Kind[Source]:
        """Sources, with a description of this one.

        Its weights are written first: a source counts as there once its description is.
        """
        about = {
            "recipe" if isinstance(origin, Recipe) else "given": _identity(origin),
            "threads": self.threads,
            "device": self.device.type,
        }

        def write(path: StoragePath, source: Source) -> None:
            write_bytes(path.with_suffix(_WEIGHTS), save(_tensors(source.weights)))
            write_json(path, {**_described(task, source), **about})

        return Kind("{}.json", write, _read)


_WEIGHTS = ".safetensors"


def _described(task: Task, source: Source) -> dict[str, Any]:
    return {
        "task": task.name,
        "task_digest": task.digest,
        "classes": list(task.classes),
        "accuracy": source.accuracy,
        "head": source.head,
        "new_output_logit": source.new_output_logit,
    }


def _tensors(weights: Weights) -> dict[str, Tensor]:
    parameters = {f"parameters/{name}": tensor for name, tensor in weights.parameters.items()}
    return parameters | {f"buffers/{name}": tensor for name, tensor in weights.buffers.items()}


def _about(content: bytes) -> tuple[str, float, float]:
    """Head, logit of new outputs and accuracy.

    Raises:
        ValueError, KeyError, TypeError: if something else was read.
    """
    about = json.loads(content)
    head, *numbers = (about[key] for key in ("head", "new_output_logit", "accuracy"))
    if not isinstance(head, str) or any(type(number) is not float for number in numbers):
        raise ValueError("its values are of another kind")
    return head, numbers[0], numbers[1]


def _read(path: StoragePath) -> Source:
    about, weights = _about(path.read_bytes()), path.with_suffix(_WEIGHTS)
    try:
        tensors = load(weights.read_bytes())
    except SafetensorError as error:
        raise ValueError(f"{weights.name}: {error}") from error
    kinds: dict[str, dict[str, Tensor]] = {"parameters": {}, "buffers": {}}
    # The format has no order, and what a checkpoint belongs to is known by bytes.
    for name, tensor in sorted(tensors.items()):
        kind, _, rest = name.partition("/")
        kinds[kind][rest] = tensor
    held = Weights(kinds["parameters"], kinds["buffers"])
    return Source(held, *about)


def given_model(task: Task, given: Given, *, device: torch.device) -> nn.Module:
    """The user's network for a task on a device, in evaluation mode.

    Raises:
        InputError: in one line that names the file, if it does not fit.
    """
    model = zoo.build(
        given.model, in_channels=task.image_shape[0], n_classes=len(task.classes), seed=0
    )
    weights = read_weights(given.path)
    if file_digest(given.path) != given.digest:
        raise InputError(f"{given.path}: the weights have changed since they were looked at first")
    load_weights(model, weights, path=given.path, name=given.model, task=task.name)
    return place(model, device).eval()

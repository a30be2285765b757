"""Features of tasks by external φ: computed once for each (task, φ), then read from the cache."""

import hashlib
import json

import torch
from jaxtyping import Float32
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from raytd.errors import StorageError
from raytd.learning.devices import torch_threads
from raytd.models.features import extractor, identity
from raytd.storage.files import write_bytes
from raytd.storage.locks import make_once
from raytd.storage.path import StoragePath
from raytd.tasks.task import Task

_BATCH = 64


def features_key(task: Task, name: str) -> str:
    """Content address of a task's features: its data, and φ with the file of its weights."""
    content = json.dumps({"task": task.digest, "features": identity(name)}, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


class FeatureCache:
    """Features of training images in a folder, or nowhere.

    Of several processes that want the same features at once, one computes and the others wait.

    Args:
        folder: where `features-<key>.safetensors` lie, beside the sources; None keeps nothing.
        device: where to compute.
        threads: torch threads meanwhile.
    """

    def __init__(
        self,
        folder: StoragePath | None,
        *,
        device: torch.device = torch.device("cpu"),  # noqa: B008 - never changed
        threads: int = 1,
    ) -> None:
        self.folder, self.device, self.threads = folder, device, threads

    def get(self, task: Task, name: str) -> Float32[Tensor, "n d"]:
        """φ of every training image of a task, in order.

        Args:
            task: whose images.
            name: a name that `raytd.models.features.extractor` takes.

        Raises:
            InputError: if the features cannot be had on this machine.
            StorageError: if the folder cannot be written, or what it holds cannot be read.
        """
        if self.folder is None:
            return self._compute(task, name)
        path = self.folder / f"features-{features_key(task, name)}.safetensors"
        make_once(
            path,
            lambda: write_bytes(path, save({"features": self._compute(task, name)})),
            what=f"features {name} of {task.name}",
        )
        try:
            features: Tensor = load(path.read_bytes())["features"]
        except (OSError, SafetensorError, KeyError) as error:
            raise StorageError(f"{path}: cannot be read ({error}); remove it") from error
        return features

    def _compute(self, task: Task, name: str) -> Float32[Tensor, "n d"]:
        phi = extractor(name, device=self.device)
        with torch_threads(self.threads):
            batches = torch.split(torch.tensor(task.train.images), _BATCH)
            return torch.cat([phi(batch.float() / 255) for batch in batches])

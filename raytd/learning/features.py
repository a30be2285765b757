"""Features of tasks by external φ: computed once for each (task, φ), then read from the cache."""

import torch
from jaxtyping import Float32
from safetensors.torch import load, save
from torch import Tensor

from raytd.learning.devices import torch_threads
from raytd.models.features import extractor, identity
from raytd.storage.cache import Kind, address
from raytd.storage.files import write_bytes
from raytd.storage.path import StoragePath
from raytd.tasks.task import Task

_BATCH = 64


def features_key(task: Task, name: str) -> str:
    """Content address of a task's features: its data, and φ with the file of its weights."""
    return address({"task": task.digest, "features": identity(name)})


def _read(path: StoragePath) -> Tensor:
    features: Tensor = load(path.read_bytes())["features"]
    return features


FEATURES: Kind[Tensor] = Kind(
    "features-{}.safetensors",
    write=lambda path, features: write_bytes(path, save({"features": features})),
    read=_read,
)
"""They lie beside the sources."""


class FeatureCache:
    """Features of training images in a folder, or nowhere.

    Args:
        folder: see `Kind.get`.
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
        return FEATURES.get(
            self.folder,
            features_key(task, name),
            lambda: self._compute(task, name),
            what=f"features {name} of {task.name}",
        )

    def _compute(self, task: Task, name: str) -> Float32[Tensor, "n d"]:
        phi = extractor(name, device=self.device)
        with torch_threads(self.threads):
            batches = torch.split(torch.tensor(task.train.images), _BATCH)
            return torch.cat([phi(batch.float() / 255) for batch in batches])

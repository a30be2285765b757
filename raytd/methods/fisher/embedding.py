"""The embedding of one task, kept beside the sources: n tasks under one probe cost n of them."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float64
from safetensors.torch import load, save
from torch import Tensor

from raytd.errors import NotFiniteError
from raytd.learning.devices import torch_threads
from raytd.methods.fisher.diagonal import Diagonal, exact_diagonal, sufficient_diagonal
from raytd.methods.fisher.head import batches, fit_head
from raytd.methods.fisher.montecarlo import montecarlo_fisher
from raytd.methods.fisher.probe import Probe
from raytd.methods.fisher.squares import FilterSquares
from raytd.methods.fisher.variational import variational_precision
from raytd.storage.cache import Kind, address
from raytd.storage.files import write_bytes
from raytd.storage.path import StoragePath
from raytd.tasks.task import Task
from raytd.transfer.randomness import generator

if TYPE_CHECKING:
    from raytd.methods.fisher.task2vec import Task2VecConfig


_FORMAT = 2
"""Part of every key; raised when what is kept, or its meaning, changes."""


@dataclass(frozen=True)
class Embedding:
    """What a probe's filters have to know for a task.

    Attributes:
        fisher: information of every filter.
        accuracy: of the fresh head on the images that it was trained on.
        trivial: that of a task without information, where the estimate has one.
        draws: what each set of draws alone makes of it, where the estimate draws labels or signs.
        gradients: of each image, taken for the estimate; 0 where it takes none of single images.
        forwards: of each image for it, on average.
    """

    fisher: Float64[Tensor, " filters"]
    accuracy: float
    trivial: Float64[Tensor, " filters"] | None = None
    draws: Float64[Tensor, "draws filters"] | None = None
    gradients: int = 0
    forwards: float = 0.0


def embedding_of(
    task: Task,
    probe: Probe,
    config: "Task2VecConfig",
    *,
    seed: int,
    folder: StoragePath | None,
    threads: int,
) -> Embedding:
    """The embedding, read from the folder or computed now and kept there.

    Args:
        task: whose training images the probe sees.
        probe: the network.
        config: of the estimate.
        seed: of the run; tasks of one run share their random numbers.
        folder: where `embedding-<key>.safetensors` lie, beside the sources; None keeps nothing.
        threads: torch threads meanwhile.

    Raises:
        NotFiniteError: if the information of a filter became NaN or infinite.
        StorageError: as `Kind.get`.
    """

    def compute() -> Embedding:
        with torch_threads(threads):
            return _embed(task, probe, config, seed)

    key = embedding_key(task, probe.identity, config, seed)
    return _EMBEDDINGS.get(folder, key, compute, what=f"embedding of {task.name}")


def embedding_key(task: Task, probe: str, config: "Task2VecConfig", seed: int) -> str:
    """Content address of an embedding: the task's data, the probe, the settings, the seed."""
    left_out = {"probe", "weights", "asymmetric", "alpha", *config.idle()}
    identity = {
        "format": _FORMAT,
        "task": task.digest,
        "probe": probe,
        "settings": config.model_dump(mode="json", exclude=left_out),
        "seed": seed,
    }
    return address(identity)


def _embed(task: Task, probe: Probe, config: "Task2VecConfig", seed: int) -> Embedding:
    labels = torch.tensor(task.train.labels, device=probe.device)
    features = _features(task, probe)
    head = fit_head(
        features,
        labels,
        n_classes=len(task.classes),
        steps=config.head_steps,
        batch_size=config.batch_size,
        lr=config.head_lr,
        weight_decay=config.head_weight_decay,
        generator=generator(seed, "task2vec head"),
    )
    accuracy = float((head(features).argmax(dim=1) == labels).double().mean())

    def logits(batch: Tensor) -> Tensor:
        seen: Tensor = head(probe.features(probe.inputs(task, batch)))
        return seen

    if config.fisher == "variational":
        found = _variational(task, probe, config, logits, seed)
    else:
        found = _diagonal(task, probe, config, logits, seed)
    if not torch.isfinite(found.fisher).all():
        lr = (
            f"lower task2vec.lr (it is {config.lr:g}) or " if config.fisher == "variational" else ""
        )
        raise NotFiniteError(
            f"embedding of {task.name}: the information of a filter is not finite; "
            f"{lr}take another task2vec.probe"
        )
    return replace(found, accuracy=accuracy)


Logits = Callable[[Tensor], Tensor]


def _diagonal(
    task: Task, probe: Probe, config: "Task2VecConfig", logits: Logits, seed: int
) -> Embedding:
    n, n_classes = len(task.train.labels), len(task.classes)
    if config.fisher == "montecarlo":
        found = _montecarlo(n, probe, config, logits, seed)
    else:
        squares = FilterSquares(probe.network, logits, head=probe.head, n_images=n)
        if config.fisher == "exact":
            found = exact_diagonal(squares, n_images=n, n_classes=n_classes)
        else:
            signs = generator(seed, "task2vec signs", task.digest)
            found = sufficient_diagonal(
                squares, n_images=n, n_classes=n_classes, error=config.error, generator=signs
            )
    return Embedding(
        found.values,
        math.nan,
        draws=found.draws,
        gradients=found.gradients,
        forwards=found.forwards,
    )


def _montecarlo(
    n: int, probe: Probe, config: "Task2VecConfig", logits: Logits, seed: int
) -> Diagonal:
    order, size = generator(seed, "task2vec order"), config.montecarlo_batch
    per_pass = -(-n // size)
    return montecarlo_fisher(
        probe.network,
        logits,
        head=probe.head,
        batches=batches(n, batch_size=size, count=config.passes * per_pass, generator=order),
        per_pass=per_pass,
        generator=generator(seed, "task2vec labels"),
    )


def _variational(
    task: Task, probe: Probe, config: "Task2VecConfig", logits: Logits, seed: int
) -> Embedding:
    order, size = generator(seed, "task2vec order"), config.batch_size
    n = len(task.train.labels)
    precision = variational_precision(
        probe.network,
        logits,
        torch.tensor(task.train.labels, device=probe.device),
        head=probe.head,
        batches=batches(n, batch_size=size, count=config.steps, generator=order),
        beta=config.beta,
        lr=config.lr,
        generator=generator(seed, "task2vec noise"),
    )
    whole, rest = divmod(config.steps, -(-n // size))
    forwards = whole + min(n, rest * size) / n
    return Embedding(precision.values, math.nan, trivial=precision.trivial, forwards=forwards)


def _features(task: Task, probe: Probe) -> Tensor:
    """What the head sees of all training images; nothing of the network is trained by it."""
    rows = torch.split(torch.arange(len(task.train.labels)), 64)
    with torch.no_grad():
        return torch.cat([probe.features(probe.inputs(task, r)) for r in rows])


def _tensors(embedding: Embedding) -> dict[str, Tensor]:
    numbers = [embedding.accuracy, embedding.gradients, embedding.forwards]
    tensors = {
        "fisher": embedding.fisher,
        "numbers": torch.tensor(numbers, dtype=torch.float64),
        "trivial": embedding.trivial,
        "draws": embedding.draws,
    }
    return {name: t.contiguous() for name, t in tensors.items() if t is not None}


def _read(path: StoragePath) -> Embedding:
    held = load(path.read_bytes())
    accuracy, gradients, forwards = held["numbers"].tolist()
    return Embedding(
        held["fisher"],
        accuracy,
        trivial=held.get("trivial"),
        draws=held.get("draws"),
        gradients=int(gradients),
        forwards=forwards,
    )


_EMBEDDINGS = Kind(
    "embedding-{}.safetensors",
    write=lambda path, embedding: write_bytes(path, save(_tensors(embedding))),
    read=_read,
)

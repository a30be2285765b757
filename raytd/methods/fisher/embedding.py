"""The embedding of one task, kept beside the sources: n tasks under one probe cost n of them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float64
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from raytd.engine.devices import torch_threads
from raytd.engine.files import write_bytes
from raytd.engine.locks import make_once
from raytd.engine.storage import StoragePath
from raytd.errors import NotFiniteError, StorageError
from raytd.methods.fisher.head import batches, fit_head
from raytd.methods.fisher.montecarlo import montecarlo_fisher
from raytd.methods.fisher.probe import Probe
from raytd.methods.fisher.variational import variational_precision
from raytd.tasks.task import Task
from raytd.transfer.randomness import generator

if TYPE_CHECKING:
    from raytd.methods.task2vec import Task2VecConfig


@dataclass(frozen=True)
class Embedding:
    """What a probe's filters have to know for a task.

    Attributes:
        fisher: information of every filter.
        trivial: that of a task without information, where the estimate has one.
        accuracy: of the fresh head on the images that it was trained on.
    """

    fisher: Float64[Tensor, " filters"]
    trivial: Float64[Tensor, " filters"] | None
    accuracy: float


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
        StorageError: if the folder cannot be written, or what it holds cannot be read.
    """

    def compute() -> Embedding:
        with torch_threads(threads):
            return _embed(task, probe, config, seed)

    if folder is None:
        return compute()
    key = embedding_key(task, probe.identity, config, seed)
    path = folder / f"embedding-{key}.safetensors"
    make_once(
        path,
        lambda: write_bytes(path, save(_tensors(compute()))),
        what=f"embedding of {task.name}",
    )
    return _read(path)


def embedding_key(task: Task, probe: str, config: "Task2VecConfig", seed: int) -> str:
    """Content address of an embedding: the task's data, the probe, the settings, the seed."""
    left_out = {"probe", "weights", "asymmetric", "alpha", *config.idle()}
    content = {
        "task": task.digest,
        "probe": probe,
        "settings": config.model_dump(mode="json", exclude=left_out),
        "seed": seed,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


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

    estimate = _montecarlo if config.fisher == "montecarlo" else _variational
    fisher, trivial = estimate(task, probe, config, logits, seed)
    if not torch.isfinite(fisher).all():
        raise NotFiniteError(
            f"embedding of {task.name}: the information of a filter is not finite; "
            f"lower task2vec.lr (it is {config.lr:g}) or take another probe"
        )
    return Embedding(fisher, trivial, accuracy)


Logits = Callable[[Tensor], Tensor]


def _montecarlo(
    task: Task, probe: Probe, config: "Task2VecConfig", logits: Logits, seed: int
) -> tuple[Tensor, Tensor | None]:
    order = generator(seed, "task2vec order")
    n = len(task.train.labels)
    count = config.passes * -(-n // config.montecarlo_batch)
    fisher = montecarlo_fisher(
        probe.network,
        logits,
        head=probe.head,
        batches=batches(n, batch_size=config.montecarlo_batch, count=count, generator=order),
        generator=generator(seed, "task2vec labels"),
    )
    return fisher, None


def _variational(
    task: Task, probe: Probe, config: "Task2VecConfig", logits: Logits, seed: int
) -> tuple[Tensor, Tensor | None]:
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
    return precision.values, precision.trivial


def _features(task: Task, probe: Probe) -> Tensor:
    """What the head sees of all training images; nothing of the network is trained by it."""
    rows = torch.split(torch.arange(len(task.train.labels)), 64)
    with torch.no_grad():
        return torch.cat([probe.features(probe.inputs(task, r)) for r in rows])


def _tensors(embedding: Embedding) -> dict[str, Tensor]:
    accuracy = torch.tensor([embedding.accuracy], dtype=torch.float64)
    tensors = {"fisher": embedding.fisher, "accuracy": accuracy}
    return tensors if embedding.trivial is None else tensors | {"trivial": embedding.trivial}


def _read(path: StoragePath) -> Embedding:
    try:
        held = load(path.read_bytes())
        return Embedding(held["fisher"], held.get("trivial"), float(held["accuracy"]))
    except (OSError, SafetensorError, KeyError) as error:
        raise StorageError(f"{path}: cannot be read ({error}); remove it") from error

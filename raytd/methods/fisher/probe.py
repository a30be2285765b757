"""The network that looks at every task alike, so that tasks can be told apart by what it needs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from raytd.engine.setup.context import Context, Pair, source_recipe
from raytd.errors import InputError
from raytd.learning.devices import place
from raytd.learning.sources import source_key
from raytd.methods.source_model import SourceModel
from raytd.models import zoo
from raytd.models.features import SOURCE, identity, trained_network
from raytd.models.heads import find_head, penultimate
from raytd.models.weights import file_digest, load_weights, read_weights
from raytd.tasks.task import Task

Images = Float[Tensor, "batch channels height width"]


@dataclass(frozen=True)
class Probe:
    """A trained network, in evaluation mode, up to what its head sees.

    Attributes:
        network: on its device.
        head: name of its own last linear layer, which every task replaces.
        identity: what determines it.
        prepare: what it wants done to images of a task in [0, 1].
        features: from prepared images to what a head sees.
        device: where it computes.
        warnings: what a result that uses it should say.
    """

    network: nn.Module
    head: str
    identity: str
    prepare: Callable[[Task, Images], Images]
    features: Callable[[Images], Float[Tensor, "batch d"]]
    device: torch.device
    warnings: tuple[str, ...] = ()

    def inputs(self, task: Task, chosen: Int64[Tensor, " batch"]) -> Images:
        """Training images of a task as the network wants them."""
        pixels = torch.tensor(task.train.images[chosen.numpy()], device=self.device)
        return self.prepare(task, pixels.float() / 255)


def make_probe(pair: Pair, context: Context, *, name: str, weights: str | None) -> Probe:
    """The probe by its name, the same for both tasks of a pair.

    Args:
        pair: whose source model is the probe called `source`.
        context: of the trial.
        name: `source`, `efficientnet-lite0`, `torchvision:NAME` with its ImageNet weights, or a
            network of the zoo.
        weights: file of the weights of a network of the zoo, trained on whatever the user likes.

    Raises:
        InputError: if it cannot be had, or does not fit the images.
    """
    if name == SOURCE:
        model = SourceModel(pair, context)
        made_of = f"{SOURCE}/{source_key(pair.source, source_recipe(pair, context.pretrain))}"
        probe = _own(model.network, made_of, model.device, pair.source)
        return replace(probe, warnings=model.warnings)
    if weights is None:
        network, as_trained, features = trained_network(name)
        device = context.sources.device
        return Probe(
            network=network.eval().to(device),
            head=find_head(network)[0],
            identity=identity(name),
            prepare=lambda _, images: as_trained(images.expand(-1, 3, -1, -1)),
            features=features,
            device=device,
        )
    path = Path(weights)
    network = place(_with_weights(pair.source, name, path), context.sources.device).eval()
    made_of = f"{zoo.canonical(name)}/{file_digest(path)}"
    return _own(network, made_of, context.sources.device, pair.source)


def _own(network: nn.Module, made_of: str, device: torch.device, first: Task) -> Probe:
    """A network of the zoo, which sees pixels normalised by the constants of their data set."""

    def prepare(task: Task, images: Tensor) -> Tensor:
        if task.image_shape != first.image_shape:
            raise InputError(
                f"task '{task.name}' has images of shape {task.image_shape} and '{first.name}' of "
                f"{first.image_shape}; state size and channels for both tasks"
            )
        mean, std = (torch.tensor(v, device=device)[:, None, None] for v in (task.mean, task.std))
        return ((images - mean) / std).contiguous(memory_format=torch.channels_last)

    return Probe(network, find_head(network)[0], made_of, prepare, penultimate(network), device)


def _with_weights(task: Task, name: str, path: Path) -> nn.Module:
    """A network of the zoo with the weights of a file, whatever its head distinguishes."""
    held = read_weights(path)
    channels = task.image_shape[0]
    head = find_head(zoo.build(name, in_channels=channels, n_classes=2, seed=0))[0]
    n_classes = held[f"{head}.weight"].shape[0] if f"{head}.weight" in held else 2
    network = zoo.build(name, in_channels=channels, n_classes=n_classes, seed=0)
    load_weights(network, held, path=path, name=name, task="the probe's task")
    return network

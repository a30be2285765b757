"""The batches that train a network on one task: shuffled epochs, each image shifted or not."""

from collections.abc import Iterable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from raytd.learning.images import Images
from raytd.transfer.descent import Labelled, epoch_order
from raytd.transfer.interpolation import crop_and_flip
from raytd.transfer.randomness import generator
from raytd.transfer.settings import Augment


def training_batches(
    images: Images, batch_size: int, *, augment: Augment, seed: int, name: str
) -> Iterator[Labelled]:
    """Batches without end, a function of (seed, name) and of the images.

    Args:
        images: of the task.
        batch_size: images per batch.
        augment: what is done to each image.
        seed: of the run.
        name: of the training; it names the random streams of order and shifts.
    """
    order = epoch_order(
        len(images.labels),
        batch_size=batch_size,
        stream=lambda epoch: generator(seed, f"{name} order", epoch),
    )
    for step, batch in enumerate(order):
        chosen = batch.to(images.pixels.device)
        x = images.pixels[chosen]
        if augment == "crop-flip":
            x = _shifted(x, generator(seed, f"{name} augment", step))
        yield x.contiguous(memory_format=torch.channels_last), images.labels[chosen]


def _shifted(
    images: Float[Tensor, "batch c h w"], stream: torch.Generator
) -> Float[Tensor, "batch c h w"]:
    uniforms = torch.rand((3, len(images)), dtype=torch.float64, generator=stream)
    return crop_and_flip(images, uniforms)


class Counter:
    """Counts images as they go forward.

    Attributes:
        images: so far.
    """

    def __init__(self) -> None:
        self.images = 0

    def counting(self, batches: Iterable[Labelled]) -> Iterator[Labelled]:
        """The same batches, counted as they are taken."""
        for images, labels in batches:
            self.images += len(labels)
            yield images, labels

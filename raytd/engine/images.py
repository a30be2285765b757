"""Image slices on the device where they are used."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from raytd.engine.block import ImageSlice


class Images:
    """An image slice as float pixels, normalised, with labels.

    Args:
        images: bytes and labels, with the constants of their data set.
        device: where they go.
    """

    def __init__(self, images: ImageSlice, device: torch.device) -> None:
        mean, std = (
            torch.tensor(v, device=device)[:, None, None] for v in (images.mean, images.std)
        )
        pixels = torch.tensor(images.images, device=device)
        self.pixels = (pixels.float() / 255 - mean) / std
        self.labels = torch.tensor(images.labels, device=device)

    def in_batches(
        self, function: Callable[[Tensor], Tensor], size: int
    ) -> Float[Tensor, "n outputs"]:
        """A function of images, applied to all of them in batches of `size`."""
        starts = range(0, len(self.pixels), size)
        batches = (self.pixels[i : i + size] for i in starts)
        return torch.cat(
            [function(b.contiguous(memory_format=torch.channels_last)) for b in batches]
        )

"""Image slices on the device where they are used."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor


@dataclass(frozen=True)
class ImageSlice:
    """Images of one task with labels in the joint label space.

    Attributes:
        images: as bytes; the worker converts them.
        labels: output index of each image.
        mean: per channel, subtracted from pixels in [0, 1].
        std: per channel, divided by.
    """

    images: UInt8[np.ndarray, "n c h w"]
    labels: Int64[np.ndarray, " n"]
    mean: tuple[float, ...]
    std: tuple[float, ...]


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

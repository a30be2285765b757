"""Image slices on the device where they are used."""

import torch

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

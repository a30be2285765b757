"""The pairs of a block as images on its device: some for a step of SGD, or all at one τ."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor, nn

from raytd.engine.block import BlockSetup
from raytd.learning.images import Images
from raytd.simplex import log_probs
from raytd.transfer.interpolation import crop_and_flip, mix
from raytd.transfer.precision import forward
from raytd.transfer.trajectory import Batch


class PairImages:
    """Rows and columns of a block's tiles with their images.

    Args:
        setup: the block.
        device: where the images go, once.
    """

    def __init__(self, setup: BlockSetup, device: torch.device) -> None:
        self.source, self.target = Images(setup.source, device), Images(setup.target, device)
        self.rows = torch.tensor(setup.rows, device=device)
        self.cols = torch.tensor(setup.cols, device=device)
        self.chunk, self.device = setup.resources.chunk, device
        self.precision = setup.trajectory.precision

    @property
    def shape(self) -> tuple[int, int, int]:
        """Tiles, rows of a tile, columns of a tile."""
        return self.rows.shape[0], self.rows.shape[1], self.cols.shape[1]

    @property
    def labels(self) -> tuple[Int64[Tensor, "tiles n m"], Int64[Tensor, "tiles n m"]]:
        """Outputs of both ends of every pair."""
        source, target = self.source.labels[self.rows], self.target.labels[self.cols]
        return source[:, :, None].expand(self.shape), target[:, None, :].expand(self.shape)

    def batch(
        self,
        pairs: Int64[Tensor, " batch"],
        t: Float64[Tensor, " batch"],
        shifts: Float64[Tensor, "3 batch"] | None,
    ) -> Batch:
        """Mixed images of some pairs, by their index in the tiles; moved alike if `shifts` say."""
        _, n, m = self.shape
        pairs, mixing = pairs.to(self.device), t.float().to(self.device)
        tile, row, col = pairs // (n * m), pairs // m % n, pairs % m
        i, j = self.rows[tile, row], self.cols[tile, col]
        mixed = mix(self.source.pixels[i], self.target.pixels[j], mixing[:, None, None, None])
        if shifts is not None:
            mixed = crop_and_flip(mixed, shifts)
        return Batch(
            mixed.contiguous(memory_format=torch.channels_last),
            self.source.labels[i],
            self.target.labels[j],
            mixing,
        )

    def n_images(self, tau: float) -> int:
        """How many images go forward for the log probabilities of all pairs."""
        tiles, n, m = self.shape
        return tiles * {0.0: n, 1.0: m}.get(tau, n * m)

    def log_probs(self, model: nn.Module, tau: float) -> Float64[Tensor, "tiles n m classes"]:
        """Log p of every pair at x = (1 − τ) x_i + τ x'_j, in chunks of whole tiles.

        At the ends of the path, pairs of one row or column are one image and go forward once.
        """
        tiles = range(0, self.shape[0], self.chunk)
        chunks = [self._forward(model, slice(t, t + self.chunk), tau) for t in tiles]
        return torch.cat(chunks).expand(*self.shape, -1)

    def _forward(
        self, model: nn.Module, tiles: slice, tau: float
    ) -> Float64[Tensor, "tiles rows cols classes"]:
        """Log p of a chunk; one column at τ = 0, one row at τ = 1."""
        source = self.source.pixels[self.rows[tiles]][:, :, None]
        target = self.target.pixels[self.cols[tiles]][:, None]
        mixed = {0.0: source, 1.0: target}.get(tau)
        mixed = mix(source, target, tau) if mixed is None else mixed
        inputs = mixed.flatten(0, 2).contiguous(memory_format=torch.channels_last)
        return log_probs(forward(model, inputs, self.precision)).reshape(*mixed.shape[:3], -1)

    def in_batches(
        self, function: Callable[[Tensor], Tensor], images: Images
    ) -> Float[Tensor, "n outputs"]:
        """A function of single images, in batches of the size that a chunk has."""
        _, n, m = self.shape
        return images.in_batches(function, self.chunk * n * m)

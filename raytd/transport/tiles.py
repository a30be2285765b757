"""Which sources and targets share a tile, with marginals that are exact for any two numbers."""

import math
from dataclasses import dataclass
from typing import get_args

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from raytd.errors import InputError
from raytd.transport.matched import matched_orders
from raytd.transport.settings import Dealing
from raytd.transport.solvers.problem import refuse


@dataclass(frozen=True, eq=False)
class Tiles:
    """The tiles of a problem of `n_source` by `n_target` examples, all of one shape.

    Every tile holds the same mass, 1 / n_tiles. An example on the boundary of two tiles is in
    both, its mass divided between them. Entries that a tile does not need have index 0 and mass 0.

    Attributes:
        rows: indices into the source.
        cols: indices into the target.
        a: mass of the rows; the masses of one source example add up to 1 / n_source.
        b: mass of the columns, likewise.
        n_source: examples of the source.
        n_target: examples of the target.
    """

    rows: Int64[Tensor, "tiles n"]
    cols: Int64[Tensor, "tiles m"]
    a: Float[Tensor, "tiles n"]
    b: Float[Tensor, "tiles m"]
    n_source: int
    n_target: int

    @property
    def n_tiles(self) -> int:
        """How many tiles there are."""
        return len(self.rows)

    @property
    def has_mass(self) -> Bool[Tensor, "tiles n m"]:
        """Whether row and column of a pair both have mass, so that it is no padding."""
        return (self.a > 0).unsqueeze(-1) & (self.b > 0).unsqueeze(-2)

    @property
    def pairs(self) -> Int64[Tensor, "tiles n m"]:
        """The pairs of source i and target j as numbers, i · n_target + j."""
        return self.rows.unsqueeze(-1) * self.n_target + self.cols.unsqueeze(-2)

    def block(self, index: int, n_blocks: int) -> slice:
        """The tiles of one of `n_blocks` blocks, which are contiguous and as equal as can be.

        Raises:
            InputError: if there is no such block, or a block would have no tile.
        """
        if not 1 <= n_blocks <= self.n_tiles:
            raise InputError(f"n_blocks is {n_blocks}; it must be from 1 to {self.n_tiles} tiles")
        if not 0 <= index < n_blocks:
            raise InputError(f"index is {index}; it must be from 0 to {n_blocks - 1}")
        return slice(index * self.n_tiles // n_blocks, (index + 1) * self.n_tiles // n_blocks)

    def block_mass(self, index: int, n_blocks: int) -> float:
        """Mass of a block; the masses of all blocks add up to 1."""
        return len(self.a[self.block(index, n_blocks)]) / self.n_tiles


def n_tiles(n_source: int, n_target: int, tile_size: int) -> int:
    """The number of tiles whose longer side is at most `tile_size` before boundaries are split."""
    for name, value in (("n_source", n_source), ("n_target", n_target), ("tile_size", tile_size)):
        if value < 1:
            raise InputError(f"{name} is {value}; it must be at least 1")
    return math.ceil(max(n_source, n_target) / tile_size)


def deal_tiles(  # noqa: PLR0913
    n_source: int,
    n_target: int,
    *,
    tile_size: int,
    dealing: Dealing = "index",
    generator: torch.Generator | None = None,
    features: tuple[Float[Tensor, "n_source d"], Float[Tensor, "n_target d"]] | None = None,
) -> Tiles:
    """Deal the examples of two tasks into tiles of about `tile_size` by `tile_size`.

    Args:
        n_source: examples of the source.
        n_target: examples of the target.
        tile_size: side of a tile.
        dealing: `index` takes both in the order of the data, `random` shuffles both, `matched`
            puts close ones together (see `matched_orders`).
        generator: randomness of `random`.
        features: of sources and targets, for `matched`.

    Raises:
        InputError: if a number is below 1, or what the dealing needs is missing or does not fit.
    """
    count = n_tiles(n_source, n_target, tile_size)
    if dealing not in get_args(Dealing):
        raise InputError(f"dealing is {dealing!r}; choose from {', '.join(get_args(Dealing))}")
    if dealing == "random":
        if generator is None:
            raise InputError("dealing is 'random'; give a generator")
        orders = tuple(torch.randperm(n, generator=generator) for n in (n_source, n_target))
    elif dealing == "matched":
        orders = matched_orders(*_checked(features, n_source, n_target), n_tiles=count)
    else:
        orders = torch.arange(n_source), torch.arange(n_target)
    return tiles_in_order(*orders, n_tiles=count)


def tiles_in_order(
    source_order: Int64[Tensor, " n_source"],
    target_order: Int64[Tensor, " n_target"],
    *,
    n_tiles: int,
) -> Tiles:
    """Cut two orders of examples into tiles of equal mass, first to first."""
    rows, a = _cut(source_order, n_tiles)
    cols, b = _cut(target_order, n_tiles)
    return Tiles(rows, cols, a, b, n_source=len(source_order), n_target=len(target_order))


def _cut(order: Tensor, n_tiles: int) -> tuple[Tensor, Tensor]:
    """Examples and masses of each tile, from whole numbers until the last division.

    Count mass in units of 1 / (n · n_tiles): example k covers n_tiles units from k · n_tiles on,
    tile t covers n units from t · n on, and what they share is whole.
    """
    n = len(order)
    tile = torch.arange(n_tiles).unsqueeze(-1)
    first, last = tile * n // n_tiles, ((tile + 1) * n - 1) // n_tiles
    example = first + torch.arange(int((last - first).max()) + 1)
    start = torch.maximum(example * n_tiles, tile * n)
    stop = torch.minimum((example + 1) * n_tiles, (tile + 1) * n)
    units = (stop - start).clamp(min=0)
    indices = torch.where(units > 0, order[example.clamp(max=n - 1)], 0)
    return indices, units.double() / (n * n_tiles)


def _checked(
    features: tuple[Tensor, Tensor] | None, n_source: int, n_target: int
) -> tuple[Tensor, Tensor]:
    """The features, if they are what `matched` needs."""
    if features is None:
        raise InputError("dealing is 'matched'; give the features of sources and targets")
    lengths, widths = [len(x) for x in features], {x.shape[1:] for x in features}
    if lengths != [n_source, n_target] or len(widths) > 1 or features[0].ndim != 2:
        shapes = " and ".join(str(tuple(x.shape)) for x in features)
        raise InputError(f"features are {shapes}; they must be ({n_source}, d) and ({n_target}, d)")
    for x in features:
        refuse("features", x, ~torch.isfinite(x), "features must be finite")
    return features

"""Numbers for every pair of a source and a target, without a table of all of them.

A task of 50,000 images against another has 2.5 billion pairs, of which a trial measures a few
million. `PairFunction` holds a smooth part, from which any chunk of rows can be computed, and
exceptions where something was measured. Sums and multiples of such functions are such functions,
and so is the logarithm of a coupling after any number of `kl` steps.
"""

import math
from dataclasses import dataclass
from typing import Self

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from raytd.errors import InputError
from raytd.transport.solvers.problem import refuse


@dataclass(frozen=True, eq=False)
class PairSpace:
    """What is known of the examples before anything is measured.

    Attributes:
        source_features: of the sources, float64.
        target_features: of the targets, in the same space.
        source_classes: class of each source, counted from 0.
        target_classes: class of each target, counted from 0.

    Raises:
        InputError: if shapes do not fit, or a value is outside its domain.
    """

    source_features: Float[Tensor, "n d"]
    target_features: Float[Tensor, "m d"]
    source_classes: Int64[Tensor, " n"]
    target_classes: Int64[Tensor, " m"]

    def __post_init__(self) -> None:
        for side in ("source", "target"):
            features, classes = getattr(self, f"{side}_features"), getattr(self, f"{side}_classes")
            if features.ndim != 2 or 0 in features.shape:
                raise InputError(
                    f"{side}_features has shape {tuple(features.shape)}; it must be (examples, "
                    "features) with at least one of each"
                )
            check_shape(f"{side}_classes", classes, features.shape[:1])
            _check_type(f"{side}_features", features, torch.float64)
            _check_type(f"{side}_classes", classes, torch.int64)
            refuse(f"{side}_features", features, ~torch.isfinite(features), "must be finite")
            refuse(f"{side}_classes", classes, classes < 0, "must not be negative")
        if self.source_features.shape[1] != self.target_features.shape[1]:
            raise InputError(
                f"source_features are {tuple(self.source_features.shape)} and target_features "
                f"{tuple(self.target_features.shape)}; both must be as wide"
            )

    def holds_the_same(self, other: "PairSpace") -> bool:
        """Whether another space holds the same examples in the same order."""
        mine, theirs = vars(self).values(), vars(other).values()
        return all(torch.equal(x, y) for x, y in zip(mine, theirs, strict=True))

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets."""
        return len(self.source_classes), len(self.target_classes)

    @property
    def n_classes(self) -> tuple[int, int]:
        """Numbers of source and target classes."""
        return int(self.source_classes.max()) + 1, int(self.target_classes.max()) + 1

    def squared_distances(self, rows: slice) -> Float[Tensor, "r m"]:
        """Squared Euclidean distances between features, of some sources to all targets."""
        x, y = self.source_features[rows], self.target_features
        squares = (x**2).sum(1, keepdim=True) + (y**2).sum(1)
        return squares.addmm_(x, y.mT, alpha=-2)

    def squared_distances_at(self, index: Int64[Tensor, " p"]) -> Float[Tensor, " p"]:
        """The same for pairs, i · m + j each; memory is that of a chunk of features."""
        m = self.shape[1]
        parts = [
            ((self.source_features[part // m] - self.target_features[part % m]) ** 2).sum(1)
            for part in torch.split(index, 2**16)
        ]
        return torch.cat(parts)

    def spread(self) -> float:
        """Spread of the squared distances over all pairs, in closed form.

        Centring both ways leaves −2 x_i · y_j, whose mean square is 4 tr(Cov x Cov y).
        """
        x, y = (each - each.mean(0) for each in (self.source_features, self.target_features))
        covariances = (x.mT @ x / len(x)) * (y.mT @ y / len(y))
        return 2 * math.sqrt(float(covariances.sum()))


@dataclass(frozen=True, eq=False)
class PairFunction:
    """f_i + g_j + table[class of i, class of j] + slope · distance² + exceptions.

    Attributes:
        space: the pairs.
        f: of the sources.
        g: of the targets.
        table: of pairs of classes.
        slope: times the squared distance of the features.
        index: pairs with an exception, i · m + j, rising.
        exceptions: what is added there.

    Raises:
        InputError: if shapes do not fit, a number is not finite, or the index does not rise.
    """

    space: PairSpace
    f: Float[Tensor, " n"]
    g: Float[Tensor, " m"]
    table: Float[Tensor, "k l"]
    slope: float
    index: Int64[Tensor, " p"]
    exceptions: Float[Tensor, " p"]

    def __post_init__(self) -> None:
        n, m = self.space.shape
        check_shape("f", self.f, (n,))
        check_shape("g", self.g, (m,))
        check_shape("table", self.table, self.space.n_classes)
        check_shape("exceptions", self.exceptions, tuple(self.index.shape))
        for name in ("f", "g", "table", "exceptions"):
            values = getattr(self, name)
            refuse(name, values, ~torch.isfinite(values), "must be finite")
        if not math.isfinite(self.slope):
            raise InputError(f"slope is {self.slope}; it must be finite")
        check_index("index", self.index, n * m)

    @classmethod
    def distances(cls, space: PairSpace, slope: float) -> Self:
        """`slope` times the squared distance of the features."""
        n, m = space.shape
        zeros = [torch.zeros(size, dtype=torch.float64) for size in (n, m, space.n_classes, 0)]
        f, g, table, exceptions = zeros
        return cls(space, f, g, table, slope, torch.zeros(0, dtype=torch.int64), exceptions)

    def rows(self, start: int, stop: int) -> Float[Tensor, "r m"]:
        """The values of the sources from start to stop."""
        space, part = self.space, slice(start, stop)
        values = space.squared_distances(part).mul_(self.slope)
        values += self.table[space.source_classes[part]][:, space.target_classes]
        values += self.f[part, None] + self.g
        m = space.shape[1]
        first, last = (int(torch.searchsorted(self.index, edge * m)) for edge in (start, stop))
        values.view(-1)[self.index[first:last] - start * m] += self.exceptions[first:last]
        return values

    def smooth_at(self, index: Int64[Tensor, " p"]) -> Float[Tensor, " p"]:
        """The values at pairs, i · m + j each, without exceptions."""
        space = self.space
        i, j = index // space.shape[1], index % space.shape[1]
        classes = self.table[space.source_classes[i], space.target_classes[j]]
        return self.f[i] + self.g[j] + classes + self.slope * space.squared_distances_at(index)

    def at(self, index: Int64[Tensor, " p"]) -> Float[Tensor, " p"]:
        """The values at pairs, i · m + j each."""
        values = self.smooth_at(index)
        if len(self.index):
            place = torch.searchsorted(self.index, index).clamp(max=len(self.index) - 1)
            values += self.exceptions[place].where(self.index[place] == index, 0)
        return values

    def __mul__(self, factor: float) -> "PairFunction":
        return PairFunction(
            self.space,
            factor * self.f,
            factor * self.g,
            factor * self.table,
            factor * self.slope,
            self.index,
            factor * self.exceptions,
        )

    def __add__(self, other: "PairFunction") -> "PairFunction":
        if self.space is not other.space and not self.space.holds_the_same(other.space):
            raise InputError(
                f"functions of {self.space.shape} and {other.space.shape} pairs are not of the "
                "same examples; only such can be added"
            )
        index, place = torch.unique(torch.cat([self.index, other.index]), return_inverse=True)
        exceptions = torch.zeros(len(index), dtype=torch.float64)
        exceptions.index_add_(0, place, torch.cat([self.exceptions, other.exceptions]))
        return PairFunction(
            self.space,
            self.f + other.f,
            self.g + other.g,
            self.table + other.table,
            self.slope + other.slope,
            index,
            exceptions,
        )


def check_index(name: str, index: Int64[Tensor, " p"], n_pairs: int) -> None:
    """Refuse numbers of pairs that do not rise, or are not below `n_pairs`."""
    refuse(name, index, (index < 0) | (index >= n_pairs), f"pairs are from 0 to {n_pairs - 1}")
    falls = torch.zeros_like(index, dtype=torch.bool)
    falls[1:] = index[1:] <= index[:-1]
    refuse(name, index, falls, "it must be above the one before it")


def check_shape(name: str, values: Tensor, shape: tuple[int, ...]) -> None:
    """Refuse a tensor of another shape."""
    if values.shape != shape:
        raise InputError(f"{name} has shape {tuple(values.shape)}, not {tuple(shape)}")


def _check_type(name: str, values: Tensor, dtype: torch.dtype) -> None:
    if values.dtype != dtype:
        raise InputError(f"{name} is {values.dtype}; it must be {dtype}")

"""A task: the images of some classes of a data set, split for training and validation."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int64, UInt8

from raytd.errors import DataError
from raytd.tasks.datasets import Dataset, Part
from raytd.tasks.spec import TaskSpec

_HELD_BACK = 1 / 3
"""Share of each class that is kept for validation where the data set has no part of its own."""


@dataclass(frozen=True)
class Task:
    """A finite labelled data set with its class identities.

    Attributes:
        name: what reports call it.
        classes: identity of each class, as `dataset/class name`; a label is an index into it.
        train: training images.
        val: validation images.
        mean: per channel, of the data set's pixels in [0, 1]; subtracted.
        std: per channel, likewise; divided by.
    """

    name: str
    classes: tuple[str, ...]
    train: Part
    val: Part
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        _, channels, height, width = self.train.images.shape
        return channels, height, width

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, 16 hex digits; the name does not enter."""
        sha = hashlib.sha256()
        header = {
            "classes": self.classes,
            "mean": [float(m).hex() for m in self.mean],
            "std": [float(s).hex() for s in self.std],
            "shapes": [self.train.images.shape, self.val.images.shape],
        }
        sha.update(json.dumps(header, sort_keys=True).encode())
        for part in (self.train, self.val):
            sha.update(np.ascontiguousarray(part.images).tobytes())
            sha.update(np.ascontiguousarray(part.labels.astype("<i8")).tobytes())
        return sha.hexdigest()[:16]


def make_task(spec: TaskSpec, dataset: Dataset) -> Task:
    """Cuts a task from a data set.

    Each class is shuffled once, by a stream that depends on the data set and the class alone, so
    that an image that trains one task validates no other. Counts are dealt evenly over classes.

    Raises:
        DataError: if a class is unknown or named twice, or has fewer images than wanted.
    """
    twice = [c for c in spec.classes if spec.classes.count(c) > 1]
    if twice:
        raise DataError(f"task '{spec.name}': class '{twice[0]}' is named twice")
    unknown = [c for c in spec.classes if c not in dataset.class_names]
    if unknown:
        raise DataError(
            f"task '{spec.name}': {dataset.name} has no class '{unknown[0]}'; "
            f"it has {', '.join(dataset.class_names)}"
        )
    numbers = [dataset.class_names.index(c) for c in spec.classes]
    pools = [_class_pools(dataset, number) for number in numbers]
    train = _take(spec, "train", dataset.train, [p[0] for p in pools])
    val = _take(spec, "val", dataset.val or dataset.train, [p[1] for p in pools])
    mean, std = _normalisation(dataset.train.images)
    identities = tuple(f"{dataset.name}/{c}" for c in spec.classes)
    return Task(spec.name, identities, train, val, mean, std)


Indices = Int64[np.ndarray, " n"]


def _class_pools(dataset: Dataset, number: int) -> tuple[Indices, Indices]:
    """Shuffled indices of one class for training and for validation."""
    train = _shuffled(dataset.train.labels, number, f"{dataset.name}/train")
    if dataset.val is not None:
        return train, _shuffled(dataset.val.labels, number, f"{dataset.name}/val")
    held_back = round(len(train) * _HELD_BACK)
    return train[: len(train) - held_back], train[len(train) - held_back :]


def _shuffled(labels: Indices, number: int, stream: str) -> Indices:
    seed = hashlib.sha256(f"{stream}/{number}".encode()).digest()[:8]
    generator = np.random.default_rng(int.from_bytes(seed, "little"))
    return generator.permutation(np.flatnonzero(labels == number))


def _take(spec: TaskSpec, split: str, part: Part, pools: Sequence[Indices]) -> Part:
    """The first images of every class, as many as wanted, in class order."""
    wanted = spec.train if split == "train" else spec.val
    n = len(pools)
    counts = [len(p) for p in pools]
    if wanted is not None:
        counts = [wanted // n + (c < wanted % n) for c in range(n)]
    for pool, count, name in zip(pools, counts, spec.classes, strict=True):
        if not 0 < count <= len(pool):
            raise DataError(
                f"task '{spec.name}': {split} = {wanted} takes {count} images of class '{name}', "
                f"which has {len(pool)}; set {split} between {n} and {n * min(map(len, pools))}"
            )
    chosen = np.concatenate([p[:c] for p, c in zip(pools, counts, strict=True)])
    labels = np.repeat(np.arange(n, dtype=np.int64), counts)
    return Part(part.images[chosen], labels)


def _normalisation(
    images: UInt8[np.ndarray, "n c h w"],
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel, from exact integer sums over the histogram."""
    levels = np.arange(256, dtype=np.int64)
    mean, std = [], []
    for channel in range(images.shape[1]):
        counts = np.bincount(images[:, channel].ravel(), minlength=256)
        n = int(counts.sum())
        m = int(counts @ levels) / n / 255
        mean.append(m)
        std.append(max(int(counts @ levels**2) / n / 255**2 - m * m, 1e-12) ** 0.5)
    return tuple(mean), tuple(std)

"""A task: the images of some classes of a data set, split for training and validation."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from raytd.errors import DataError
from raytd.tasks.account import Account
from raytd.tasks.datasets import Dataset, Part
from raytd.tasks.pixels.form import Form
from raytd.tasks.readers.contract import Indices, Split
from raytd.tasks.scrutiny import Shown, scrutinise
from raytd.tasks.spec import TaskSpec
from raytd.tasks.subset import class_pools, even_counts
from raytd.words import listed

_MOST_NAMES = 100
"""Class names in a message."""


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
        account: what was read of its data set.
        notes: what was left out, merged or assumed when its data were read, one sentence each.
            Neither enters the digest.
    """

    name: str
    classes: tuple[str, ...]
    train: Part
    val: Part
    mean: tuple[float, ...]
    std: tuple[float, ...]
    account: Account | None = None
    notes: tuple[str, ...] = ()

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
    """Cuts a task from a data set; only the images that it takes are decoded.

    Counts are dealt evenly over classes. Everything that labels can say against the task is said
    before the first image is read.

    Raises:
        DataError: if a class is unknown or named twice, has fewer images than wanted, or an image
            cannot be read.
    """
    classes = spec.classes or dataset.classes
    _check_classes(spec.name, classes, dataset)
    pools = class_pools(dataset, classes, spec.seed or 0)
    _require_images(spec, dataset, classes, pools)
    train = _chosen(spec, "train", classes, [p[0] for p in pools])
    val = _chosen(spec, "val", classes, [p[1] for p in pools])
    form = dataset.form(
        spec.size, spec.channels, range=spec.range, background=spec.background_colour
    )
    mean, std = dataset.constants(form)
    count: Counter[str] = Counter()
    shown = (
        _shown("training", dataset.train, train, form, count),
        _shown("validation", dataset.val or dataset.train, val, form, count),
    )
    try:
        notes = scrutinise(classes, shown, form=form, std=std, count=count)
    except DataError as error:
        raise DataError(f"task '{spec.name}' of {spec.dataset}: {error}") from error
    return Task(
        name=spec.name,
        classes=tuple(f"{dataset.name}/{c}" for c in classes),
        train=shown[0].part,
        val=shown[1].part,
        mean=mean,
        std=std,
        account=dataset.account,
        notes=(*dataset.notes, *_of_task(spec.name, notes, form)),
    )


def _of_task(name: str, notes: Sequence[str], form: Form) -> list[str]:
    """Notes with the name of the task, where they are not about the whole data set."""
    return [n if n == form.levels.note else f"{name}: {n[:1].lower()}{n[1:]}" for n in notes]


def _check_classes(name: str, classes: tuple[str, ...], dataset: Dataset) -> None:
    twice = [c for c, times in Counter(classes).items() if times > 1]
    if twice:
        raise DataError(f"task '{name}': class '{twice[0]}' is named twice")
    known = set(dataset.class_names)
    unknown = [c for c in classes if c not in known]
    if unknown:
        raise DataError(
            f"task '{name}': {dataset.name} has no class {_quoted(unknown)}; "
            f"it has {listed(dataset.class_names, _MOST_NAMES)}"
        )


def _quoted(names: Sequence[str]) -> str:
    return listed([f"'{name}'" for name in names])


def _require_images(
    spec: TaskSpec,
    dataset: Dataset,
    classes: tuple[str, ...],
    pools: Sequence[tuple[Indices, Indices]],
) -> None:
    """Refuses classes without images, with all that is known of why."""
    for part, split in enumerate(("train", "val")):
        empty = [name for pool, name in zip(pools, classes, strict=True) if not len(pool[part])]
        if empty:
            noun, verb = ("class", "has") if len(empty) == 1 else ("classes", "have")
            why = f" ({' '.join(dataset.notes)})" if dataset.notes else ""
            raise DataError(
                f"task '{spec.name}': {noun} {_quoted(empty)} of {spec.dataset} {verb} no images "
                f"for {split}; choose others with classes: [...], or add images{why}"
            )


def _chosen(
    spec: TaskSpec, split: str, classes: tuple[str, ...], pools: Sequence[Indices]
) -> list[Indices]:
    """The first rows of every class, as many as wanted, in class order."""
    wanted, n = (spec.train if split == "train" else spec.val), len(pools)
    counts = [len(p) for p in pools] if wanted is None else even_counts(wanted, n)
    for pool, count, name in zip(pools, counts, classes, strict=True):
        if not 0 < count <= len(pool):
            raise DataError(
                f"task '{spec.name}': {split} = {wanted} takes {count} images of class '{name}', "
                f"which has {len(pool)}; set {split} between {n} and {n * min(map(len, pools))}"
            )
    return [pool[:count] for pool, count in zip(pools, counts, strict=True)]


def _shown(
    use: str, split: Split, rows: Sequence[Indices], form: Form, count: Counter[str]
) -> Shown:
    """The images of rows that are given class by class."""
    labels = np.repeat(np.arange(len(rows), dtype=np.int64), [len(r) for r in rows])
    in_order = np.concatenate(rows)
    part = Part(form.read(split, in_order, count), labels)
    return Shown(use, part, lambda nth: split.images.place(int(in_order[nth])))

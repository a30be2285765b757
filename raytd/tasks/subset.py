"""Which images of a class a task takes: stratified, and the same on every machine.

Each class is shuffled by a stream that depends on the data set, the part and the class alone, so
that small tasks are parts of larger ones, and an image that trains one task validates no other.
"""

from collections.abc import Sequence

import numpy as np

from raytd.tasks.datasets import Dataset
from raytd.tasks.readers.contract import Indices, Split
from raytd.tasks.shuffle import shuffled

_HELD_BACK = 1 / 3
"""Share of each class that is kept for validation where the data set has no part of its own."""


def class_pools(dataset: Dataset, names: Sequence[str], seed: int) -> list[tuple[Indices, Indices]]:
    """Rows of classes for training and for validation, in the order in which they are taken.

    Args:
        dataset: its labels.
        names: of the classes.
        seed: another one takes other images; which ones are held back for validation stays.
    """
    label_of = {name: label for label, name in enumerate(dataset.class_names)}
    labels = [label_of[name] for name in names]
    numbers = dataset.numbers or range(len(dataset.class_names))
    train = _rows_of(dataset.train, len(label_of))
    val = None if dataset.val is None else _rows_of(dataset.val, len(label_of))
    return [
        _pools(dataset.name, numbers[c], train[c], None if val is None else val[c], seed)
        for c in labels
    ]


def _pools(
    name: str, number: int, train: Indices, val: Indices | None, seed: int
) -> tuple[Indices, Indices]:
    """The pools of one class, of which the data set has these rows."""
    train = shuffled(train, f"{name}/train/{number}")
    if val is not None:
        val = shuffled(val, f"{name}/val/{number}")
    else:
        n_trained_on = len(train) - round(len(train) * _HELD_BACK)
        train, val = train[:n_trained_on], train[n_trained_on:]
    if seed:
        train = shuffled(train, f"{name}/train/{number}/{seed}")
        val = shuffled(val, f"{name}/val/{number}/{seed}")
    return train, val


def even_counts(total: int, n_classes: int) -> list[int]:
    """Images of each class; the first ones get one more where the total does not divide."""
    return [total // n_classes + (c < total % n_classes) for c in range(n_classes)]


def _rows_of(split: Split, n_classes: int) -> list[Indices]:
    """The rows of each class in ascending order, by one sort for all classes."""
    order = np.argsort(split.labels, kind="stable")
    ends = np.searchsorted(split.labels[order], np.arange(1, n_classes))
    return np.split(order, ends)

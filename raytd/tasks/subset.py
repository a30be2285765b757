"""Which images of a class a task takes: stratified, and the same on every machine.

Each class is shuffled by a stream that depends on the data set, the part and the class alone, so
that small tasks are parts of larger ones, and an image that trains one task validates no other.
"""

import numpy as np

from raytd.tasks.datasets import Dataset
from raytd.tasks.readers.contract import Indices, Split
from raytd.tasks.shuffle import shuffled
from raytd.tasks.vocabulary import CLASS_NAMES

_HELD_BACK = 1 / 3
"""Share of each class that is kept for validation where the data set has no part of its own."""


def class_pools(dataset: Dataset, name: str, seed: int) -> tuple[Indices, Indices]:
    """Rows of one class for training and for validation, in the order in which they are taken.

    Args:
        dataset: its labels.
        name: of the class.
        seed: another one takes other images; which ones are held back for validation stays.
    """
    label = dataset.class_names.index(name)
    number = CLASS_NAMES.get(dataset.name, dataset.class_names).index(name)
    train = shuffled(_rows(dataset.train, label), f"{dataset.name}/train/{number}")
    if dataset.val is not None:
        val = shuffled(_rows(dataset.val, label), f"{dataset.name}/val/{number}")
    else:
        n_trained_on = len(train) - round(len(train) * _HELD_BACK)
        train, val = train[:n_trained_on], train[n_trained_on:]
    if seed:
        train = shuffled(train, f"{dataset.name}/train/{number}/{seed}")
        val = shuffled(val, f"{dataset.name}/val/{number}/{seed}")
    return train, val


def even_counts(total: int, n_classes: int) -> list[int]:
    """Images of each class; the first ones get one more where the total does not divide."""
    return [total // n_classes + (c < total % n_classes) for c in range(n_classes)]


def _rows(split: Split, label: int) -> Indices:
    return np.flatnonzero(split.labels == label)

"""Which pairs of tasks share classes: pairs that do not are judged apart."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from raytd.rows.row import Row, number

Floats = npt.NDArray[np.float64]
Classes = Mapping[str, frozenset[str]]

NO_CLASSES: Classes = {}
"""Where nothing but the rows is known."""

METHOD = "shared-classes"
"""The control that counts them."""

DISJOINT = 1.0
"""The share of the target's classes that the source lacks, where it has none of them."""


def lacking_classes(rows: Sequence[Row], classes: Classes, tasks: Sequence[str]) -> Floats:
    """The share of the target's classes that the source lacks, for each pair of tasks.

    What the method `shared-classes` found comes first: it knows the data. Else the classes that the
    sweep asks for are counted in the same way.

    Args:
        rows: rows of results.parquet.
        classes: identities of the classes of each task, as far as they are known.
        tasks: of sources and targets.

    Returns:
        (sources, targets); NaN where the classes are not known.
    """
    measured = {
        (row["source"], row["target"]): found
        for row in rows
        if row["method"] == METHOD and (found := number(row, "value")) is not None
    }
    return np.array([[_lacking(measured, classes, s, t) for t in tasks] for s in tasks])


def _lacking(
    measured: Mapping[tuple[str, str], float], classes: Classes, source: str, target: str
) -> float:
    if (source, target) in measured:
        return measured[source, target]
    if source not in classes or target not in classes:
        return float("nan")
    return len(classes[target] - classes[source]) / len(classes[target])


def classes_of(tasks: Sequence[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """The identities of each task's classes, as the sweep asks for them.

    A task that takes all classes of a data set is known where the data set is known by name.

    Args:
        tasks: as the plan keeps them.
    """
    from raytd.tasks.references import identity_of
    from raytd.tasks.vocabulary import CLASS_NAMES

    found = {}
    for task in tasks:
        if not task.get("dataset"):
            continue
        identity = task.get("known_as") or identity_of(task["dataset"])
        if names := task.get("classes") or CLASS_NAMES.get(task["dataset"]):
            found[task["name"]] = frozenset(f"{identity}/{name}" for name in names)
    return found

"""How the label spaces of two tasks are joined into the outputs of one softmax."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64

from raytd.tasks.task import Task

Labels = Literal["union", "aligned"]


@dataclass(frozen=True)
class LabelSpace:
    """Class identities in the order of the network's outputs.

    Attributes:
        classes: identity that each output stands for.
        shared: classes of the target that have no output of their own, each with the class of
            the source whose output it uses.
    """

    classes: tuple[str, ...]
    shared: Mapping[str, str] = field(default_factory=dict)

    def outputs(self, task: Task) -> Int64[np.ndarray, " classes"]:
        """Output index of each of the task's own labels."""
        output = {c: i for i, c in enumerate(self.classes)}
        return np.array([output[self.shared.get(c, c)] for c in task.classes], dtype=np.int64)


def union(source: Task, target: Task) -> LabelSpace:
    """The source's classes in their order, then the target's other ones in theirs.

    Classes that the two tasks share, by identity, are one output.
    """
    return LabelSpace(tuple(dict.fromkeys(source.classes + target.classes)))


def aligned(
    source: Task, target: Task, cost: Float64[np.ndarray, "source_classes target_classes"]
) -> LabelSpace:
    """The union with one output for each pair of matched classes.

    Classes with the same identity are matched; among the others the matching has the smallest sum
    of costs. Where the tasks have unlike numbers of classes, some are left with an output of their
    own.

    Args:
        source: whose classes are the first outputs.
        target: whose classes find a partner among them.
        cost: of matching a source class (row) with a target class (column).
    """
    from scipy.optimize import linear_sum_assignment

    shared_by_name = set(source.classes) & set(target.classes)
    rows = [i for i, c in enumerate(source.classes) if c not in shared_by_name]
    cols = [j for j, c in enumerate(target.classes) if c not in shared_by_name]
    matched = linear_sum_assignment(cost[np.ix_(rows, cols)])
    shared = {
        target.classes[cols[j]]: source.classes[rows[i]] for i, j in zip(*matched, strict=True)
    }
    own = tuple(c for c in target.classes if c not in shared)
    return LabelSpace(tuple(dict.fromkeys(source.classes + own)), shared)

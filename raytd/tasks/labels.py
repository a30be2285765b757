"""How the label spaces of two tasks are joined into the outputs of one softmax."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from raytd.tasks.task import Task


@dataclass(frozen=True)
class LabelSpace:
    """Class identities in the order of the network's outputs."""

    classes: tuple[str, ...]

    def outputs(self, task: Task) -> Int64[np.ndarray, " classes"]:
        """Output index of each of the task's own labels."""
        return np.array([self.classes.index(c) for c in task.classes], dtype=np.int64)


def union(source: Task, target: Task) -> LabelSpace:
    """The source's classes in their order, then the target's other ones in theirs.

    Classes that the two tasks share, by identity, are one output.
    """
    return LabelSpace(tuple(dict.fromkeys(source.classes + target.classes)))

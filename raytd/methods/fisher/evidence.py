"""What a distance of two embeddings is worth: whether there is one, and how far draws move it."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from raytd.errors import InputError
from raytd.methods.fisher.cosine import FLOOR, jackknifed_error
from raytd.methods.fisher.embedding import Embedding
from raytd.tasks.task import Task

if TYPE_CHECKING:
    from raytd.methods.fisher.task2vec import Task2VecConfig

WORTH_SAYING = 0.01
"""Share of a distance above which an error of it is a warning."""


def refuse_empty(task: Task, embedding: Embedding) -> None:
    """Refuses an embedding whose filters have no information, which is at no distance to any.

    Raises:
        InputError: if no filter has more information than the distance's own floor.
    """
    largest = float(embedding.fisher.max())
    if largest > FLOOR:
        return
    if len(task.classes) == 1:
        raise InputError(
            f"task2vec: task '{task.name}' has one class, which no filter is needed for: its "
            "embedding is 0, and its distance to any task is undefined; give it a second class"
        )
    raise InputError(
        f"task2vec: no filter of the probe has information on task '{task.name}' (at most "
        f"{largest:.1g}, and the distance counts from {FLOOR:g}), so that its distance to any task "
        "is undefined; choose another task2vec.probe, or fewer task2vec.head_steps"
    )


def drawn_error(embeddings: Sequence[Embedding]) -> float | None:
    """Error of the distance from what was drawn: root of squared standard error plus squared bias.

    0 where nothing was drawn, and for a task and itself; None where a single draw, or the noise of
    `variational`, leaves it unknown.
    """
    if any(e.trivial is not None for e in embeddings):
        return None
    if len(embeddings) == 1:
        return 0.0
    variance = bias = 0.0
    for own, other in (embeddings, embeddings[::-1]):
        if own.draws is None:
            continue
        if len(own.draws) < 2:
            return None
        found = jackknifed_error(own.fisher, other.fisher, own.draws)
        variance, bias = variance + found[0], bias + found[1]
    return math.sqrt(variance + bias**2)


def warnings_of(
    tasks: Sequence[Task], config: "Task2VecConfig", *, distance: float, error: float | None
) -> tuple[str, ...]:
    """What the result says of one class, and of an error that is large or unknown."""
    said = [
        f"task2vec: task '{task.name}' has one class, so that its embedding is that of a task "
        "without information"
        for task in tasks
        if len(task.classes) == 1
    ]
    if config.fisher == "variational":
        return tuple(said)
    if error is None:
        said.append(
            "task2vec: one pass of drawn labels does not tell the error that they leave in the "
            "distance; set task2vec.fisher: exact, or raise task2vec.passes"
        )
    elif config.fisher == "montecarlo" and error > WORTH_SAYING * distance:
        share = f" ({error / distance:.0%})" if distance > 0 else ""
        said.append(
            f"task2vec: drawn labels leave an error of about {error:.2g}{share} in the distance, "
            "and rare labels that were never drawn may leave more; set task2vec.fisher: exact"
        )
    return tuple(said)

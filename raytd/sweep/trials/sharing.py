"""Images that two tasks of a pair have in common, in words."""

from collections import Counter
from collections.abc import Sequence
from itertools import product

import numpy as np

from raytd.tasks.copies import shared_counts
from raytd.tasks.task import Task
from raytd.words import counted, part_of


def sharing_notes(pairs: Sequence[tuple[Task, Task]]) -> list[str]:
    """What pairs share, one sentence for all of them: images, and images of opposite parts.

    A pair of one task with itself is left out. The work grows with the number of images.
    """
    tasks = list({task.name: task for pair in pairs for task in pair}.values())
    number = {task.name: n for n, task in enumerate(tasks)}
    ends = [(number[s.name], number[t.name]) for s, t in pairs if s.name != t.name]
    train, val = [t.train.prints for t in tasks], [t.val.prints for t in tasks]
    both = [np.concatenate(parts) for parts in zip(train, val, strict=True)]
    shared, crossed = shared_counts(both, both), shared_counts(train, val)
    notes = []
    if common := {(s, t): shared[s, t] for s, t in ends if shared[s, t]}:
        verbs = ("has images in common", "have images in common")
        notes.append(_sentence(verbs, common, tasks, len(ends)))
    if across := {(s, t): n for s, t in ends if (n := crossed[s, t] + crossed[t, s])}:
        what = "with images of one task that validate the other"
        notes.append(_sentence((f"trains {what}", f"train {what}"), across, tasks, len(ends)))
    return notes


def _sentence(
    verbs: tuple[str, str],
    counts: dict[tuple[int, int], int],
    tasks: Sequence[Task],
    n_pairs: int,
) -> str:
    """What pairs do, in the words for one of them or for several."""
    one, more = verbs
    (source, target), most = Counter(counts).most_common(1)[0]
    return (
        f"{part_of(len(counts), n_pairs, 'pair', one=one, more=more)}; the most: "
        f"{tasks[source].name} -> {tasks[target].name}, {counted(most, 'image')}."
    )


def leaks(source: Task, target: Task) -> tuple[str, ...]:
    """Validation images that are trained with, in a task and across the pair, in words."""
    found = []
    ends = (source, target) if source.name != target.name else (source,)
    for task, other in product(ends, repeat=2):
        n = int(np.isin(task.val.prints, other.train.prints).sum())
        if n:
            images = counted(len(task.val.labels), "validation image")
            found.append(f"{n:,} of {images} of {task.name} are training images of {other.name}")
    return tuple(found)

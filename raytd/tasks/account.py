"""What was read of each data set, and what was not: for people and as JSON-able data."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from raytd.tasks.readers.contract import Split
from raytd.words import counted, listed

if TYPE_CHECKING:
    from raytd.tasks.task import Task


@dataclass(frozen=True)
class PartRead:
    """What one part of a data set holds.

    Attributes:
        part: what the files call it: train, validation or test; empty where they say nothing.
        files: how many hold the images; None where that is not counted.
        images: how many.
        classes: how many have an image.
        without: names of those that have none.
    """

    part: str
    files: int | None
    images: int
    classes: int
    without: tuple[str, ...] = ()

    def __str__(self) -> str:
        files = "" if self.files is None else f" in {counted(self.files, 'file')}"
        images, classes = counted(self.images, "image"), counted(self.classes, "class")
        return f"{images} of {classes}{files}"


@dataclass(frozen=True)
class Account:
    """What was read of a data set.

    Attributes:
        reference: of the data set, as a task gives it.
        place: where it lies.
        train: images for training.
        val: images for validation, or None if each class holds some of `train` back.
        named_by_path: whether its classes are told apart by the reference, not by `known_as`.
    """

    reference: str
    place: str | None
    train: PartRead
    val: PartRead | None = None
    named_by_path: bool = True

    def __str__(self) -> str:
        named = "" if ":" in self.reference or self.place is None else f" ({self.place})"
        head = f"{self.reference}{named}: "
        if self.val is None:
            return f"{head}{self.train}; a third of each class is held back for validation"
        part = f" ({self.val.part})" if self.val.part not in ("", "validation") else ""
        return f"{head}{self.train} for training; {self.val} for validation{part}"

    def gaps(self) -> list[str]:
        """A sentence for each part that has no image of some class."""
        parts = {"training": self.train, "validation": self.val}
        without = {p: part.without for p, part in parts.items() if part is not None}
        return [
            f"No image for {purpose}: {counted(len(names), 'class')} ({listed(names)})."
            for purpose, names in without.items()
            if names
        ]


def part_read(split: Split, class_names: Sequence[str]) -> PartRead:
    """Counts what a part holds."""
    per_class = np.bincount(split.labels, minlength=len(class_names))
    without = tuple(class_names[int(c)] for c in np.flatnonzero(per_class == 0))
    n_classes = len(class_names) - len(without)
    return PartRead(split.part, split.files, len(split.labels), n_classes, without)


def accounts_of(tasks: "Iterable[Task]") -> list[dict[str, Any]]:
    """What was read for some tasks, once for each data set, with the notes of its tasks."""
    found: dict[str, dict[str, Any]] = {}
    owners: dict[str, str] = {}
    joined: dict[tuple[str, str], list[str]] = {}
    for task in tasks:
        if task.account is None:
            continue
        reference = task.account.reference
        new = asdict(task.account) | {"said": str(task.account), "notes": task.account.gaps()}
        notes = found.setdefault(reference, new)["notes"]
        notes += [note for note in task.notes if note not in notes]
        for name in task.classes if task.account.named_by_path else ():
            owner = owners.setdefault(name, reference)
            if owner != reference:
                joined.setdefault((reference, owner), []).append(name)
    for (reference, owner), names in joined.items():
        found[reference]["notes"].append(
            f"Its classes {listed(names)} count as those of {owner}, whose name ends alike: "
            "known_as sets data sets apart."
        )
    return list(found.values())


def account_lines(tasks: "Iterable[Task]") -> list[str]:
    """The same in words: a line for each data set, then one for each note on it."""
    return [
        line
        for account in accounts_of(tasks)
        for line in (account["said"], *(f"  {note}" for note in account["notes"]))
    ]

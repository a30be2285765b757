"""Which part of a data set a file or folder holds, by the words of its name.

The words are those of Hugging Face's `datasets`: they stand at the ends of a name or between marks
and digits, as in `x_test`, `train-00000-of-00001` and `val2017`.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_PART = {name: part for part, names in _NAMES.items() for name in names}
_WORD = re.compile(r"[^\W\d_]+")


def part_words(name: str) -> list[tuple[str, int]]:
    """The parts that the words of a name or path stand for, each with the word's place in it."""
    words = ((word.group().lower(), word.start()) for word in _WORD.finditer(name))
    return [(_PART[word], start) for word, start in words if word in _PART]


def parts_in(name: str) -> set[str]:
    """The parts that a name speaks of; more than one is a contradiction."""
    return {part for part, _ in part_words(name)}


def is_part_name(name: str) -> bool:
    """Whether a name is such a word and nothing else."""
    return name.lower() in _PART


def train_and_val(parts: Mapping[str, T]) -> tuple[T, T | None]:
    """The part to train on, and the one to validate on: `validation` if there is, else `test`."""
    return parts["train"], parts.get("validation", parts.get("test"))


def unused(parts: Mapping[str, object]) -> list[str]:
    """A sentence on the part that is there and not read, if there is one."""
    if "validation" in parts and "test" in parts:
        return ["The test part is left out: there is one for validation."]
    return []


def in_order(paths: Iterable[Path], folder: Path) -> list[Path]:
    """Paths by their names below `folder`, in an order that no file system and locale changes."""
    return sorted(paths, key=lambda path: path.relative_to(folder).as_posix())

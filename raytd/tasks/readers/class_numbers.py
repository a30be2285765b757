"""One numbering of classes for files that each have their own."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from raytd.errors import DataError
from raytd.tasks.readers.contract import Indices

Names = tuple[str, ...]

_MOST = 2**53
"""The largest label: up to here fractions hold every whole number."""


def whole_numbers(path: Path, place: str, values: np.ndarray[Any, Any], hint: str = "") -> Indices:
    """Labels as whole numbers, which they may also be as fractions or truth values.

    Args:
        path: of the file.
        place: what of the file holds the labels, in words.
        values: as they are there.
        hint: what else can be done, with the mark before it.

    Raises:
        DataError: if one is not a whole number.
    """
    wrong = np.zeros(len(values), bool)
    if values.dtype.kind == "f":
        wrong = ~(np.abs(values) <= _MOST) | (np.trunc(values) != values)
    elif values.dtype.kind == "u":
        wrong = values > _MOST
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"{path} row {row}: label {values[row]} in {place} is not a whole number "
            f"up to {_MOST}{hint}"
        )
    return values.astype(np.int64)


def note_on_kind(place: str, kind: str) -> list[str]:
    """A sentence on labels that are not written as whole numbers or text.

    Args:
        place: what holds the labels, in words.
        kind: type of the numbers, in the words of the library.
    """
    if kind == "bool":
        return [f"{place} is bool: false is class 0 and true is class 1."]
    if kind.startswith(("float", "double", "halffloat")):
        return [f"{place} is {kind}: its numbers, all of them whole, are the classes."]
    return []


def one_numbering(
    labels: Mapping[Path, np.ndarray[Any, Any]], names: Mapping[Path, Names | None]
) -> tuple[dict[Path, Indices], Names | None]:
    """The labels of all files as numbers of the same classes, and the names of those.

    Args:
        labels: of each file: whole numbers, or text as objects.
        names: of the classes of each file; None where it has numbers or text alone.

    Returns:
        Numbers as they are and no names, if no file has a name. Text is numbered in the order of
        the names; else the first file's order comes first.

    Raises:
        DataError: if a file has numbers alone and another has names, or a label has no name.
    """
    written = [file for file, values in labels.items() if values.dtype.kind == "O"]
    named = [file for file in labels if names[file] and file not in written]
    numbered = [file for file in labels if file not in (*written, *named)]
    if not named and not written:
        return {file: values.astype(np.int64) for file, values in labels.items()}, None
    if numbered:
        raise DataError(
            f"{numbered[0]}: labels are numbers without names, but {(named or written)[0]} names "
            "its classes; write the same names into both, or leave one out"
        )
    words = {str(word) for file in written for word in set(labels[file])}
    order = dict.fromkeys(name for file in named for name in names[file] or ())
    order |= dict.fromkeys(sorted(words - order.keys()))
    number = {name: c for c, name in enumerate(order)}
    found = {file: _of_words(labels[file], number) for file in written}
    found |= {file: _of_names(file, labels[file], names[file] or (), number) for file in named}
    return {file: found[file] for file in labels}, tuple(order)


def named_numbering(
    labels: Mapping[Path, np.ndarray[Any, Any]], names: Names
) -> dict[Path, Indices]:
    """The numbers of classes that are written as text, in the order of a list of names.

    Raises:
        DataError: if a word is not in the list.
    """
    number = {name: c for c, name in enumerate(names)}
    for file, values in labels.items():
        for row, word in enumerate(values):
            if str(word) not in number:
                raise DataError(f"{file} row {row}: label '{word}' is none of the class names")
    return {file: _of_words(values, number) for file, values in labels.items()}


def _of_words(values: np.ndarray[Any, Any], number: Mapping[str, int]) -> Indices:
    return np.array([number[str(word)] for word in values], np.int64)


def _of_names(
    file: Path, values: np.ndarray[Any, Any], names: Names, number: Mapping[str, int]
) -> Indices:
    often, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise DataError(f"{file}: two classes are called '{often}'")
    wrong = np.flatnonzero((values < 0) | (values >= len(names)))
    if len(wrong):
        row = int(wrong[0])
        hint = "; where -1 says 'not known', read another file alone" if values[row] == -1 else ""
        raise DataError(
            f"{file} row {row}: label {values[row]} is outside the class list, which has "
            f"{len(names)} names (0 to {len(names) - 1}){hint}"
        )
    own = np.array([number[name] for name in names], np.int64)
    of_classes: Indices = own[values.astype(np.int64)]
    return of_classes

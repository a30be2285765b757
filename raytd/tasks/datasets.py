"""Data sets before any task is cut from them: classes with their identity, and rows of images."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from raytd.errors import DataError
from raytd.tasks.account import Account, part_read
from raytd.tasks.copies import Prints, prints
from raytd.tasks.pixels.form import WHITE, Colour, Form, Size, form_of
from raytd.tasks.pixels.levels import Levels, Range, found, stated
from raytd.tasks.pixels.normalisation import Constants, normalisation
from raytd.tasks.readers.contract import Indices, Split
from raytd.tasks.references import identity_of, place_of, read_content
from raytd.tasks.vocabulary import CLASS_NAMES, same_name
from raytd.words import listed, steers


@dataclass(frozen=True)
class Part:
    """Labelled images of a task."""

    images: UInt8[np.ndarray, "n channels height width"]
    labels: Indices

    @cached_property
    def prints(self) -> Prints:
        """A number for each image that only the same images share."""
        return prints(self.images)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set of which labels are known and no image has been decoded.

    Attributes:
        name: identity; that of a class is `name/class name`.
        class_names: name of class c at index c.
        train: rows from which tasks take training images.
        val: rows for validation, or None if tasks hold some of `train` back.
        numbers: number of class c at index c, by which its images are drawn.
        account: what was read, in counts.
        notes: what its reader left out, merged or assumed, one sentence each.
        class_folders: whether each class is a folder, so that one without images is a fault.
    """

    name: str
    class_names: tuple[str, ...]
    train: Split
    val: Split | None
    numbers: tuple[int, ...] = ()
    account: Account | None = None
    notes: tuple[str, ...] = ()
    class_folders: bool = False
    _constants: dict[Form, Constants] = field(default_factory=dict, repr=False)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The classes of a task that names none: those of a list that has more need an image."""
        if self.class_folders:
            return self.class_names
        labels = [part.labels for part in (self.train, self.val) if part is not None]
        return tuple(self.class_names[c] for c in np.unique(np.concatenate(labels)))

    @cached_property
    def levels(self) -> Levels:
        """How values become levels where no range is stated, found once in the training images."""
        return found(self.train)

    def form(
        self,
        size: Size | None,
        channels: int | None,
        *,
        range: Range | None = None,
        background: Colour | None = None,
    ) -> Form:
        """The form that tasks of this data set have; what is None is as in its first image."""
        levels = self.levels if range is None else stated(*range)
        return form_of(self.train, size, channels, levels=levels, background=background or WHITE)

    def constants(self, form: Form) -> Constants:
        """Mean and standard deviation per channel, of pixels in [0, 1]; computed once a form."""
        if form not in self._constants:
            self._constants[form] = normalisation(self.name, self.train, form)
        return self._constants[form]


def read(
    reference: str, root: Path, *, known_as: str | None = None, download: bool = False
) -> Dataset:
    """Reads labels and class names of a data set.

    Where its identity is that of a known data set, classes get that one's numbers and spelling, so
    that the same images make the same task whichever reader they come through.

    Args:
        reference: a known name, or `kind:PATH`.
        root: folder of the data sets.
        known_as: identity, if not that of the reference.
        download: whether what is missing may be fetched.

    Raises:
        DataError: if it is unknown, not there, damaged, or a label is none of its classes'.
    """
    content = read_content(reference, root, download=download)
    if not len(content.train.labels):
        raise DataError(f"{reference}: no images for training")
    name = known_as or identity_of(reference)
    parts = [part for part in (content.train, content.val) if part is not None]
    parts, class_names, numbers, notes = _in_order(reference, name, parts, content.class_names)
    val = parts[1] if len(parts) > 1 else None
    account = Account(
        reference,
        place_of(reference, root),
        part_read(parts[0], class_names),
        part_read(val, class_names) if val is not None else None,
        named_by_path=known_as is None,
    )
    return Dataset(
        name=name,
        class_names=class_names,
        train=parts[0],
        val=val,
        numbers=numbers,
        account=account,
        notes=(*content.notes, *notes),
        class_folders=content.class_folders,
    )


def _in_order(
    reference: str, name: str, parts: list[Split], written: tuple[str, ...] | None
) -> tuple[list[Split], tuple[str, ...], tuple[int, ...], list[str]]:
    """The parts with classes in the order of their numbers, names, numbers, and notes."""
    known = CLASS_NAMES.get(name)
    if written is None and known is None:
        return *_numbered(parts), []
    taken = written is None and ":" in reference
    notes = [f"Its class numbers are taken for those of {name}."] if taken else []
    names = written or known or ()
    _require_readable(reference, names)
    for part in parts:
        _check_labels(part, len(names))
    names = _spelled(reference, name, names)
    places = {c: i for i, c in enumerate(known or names)}
    order = sorted(range(len(names)), key=lambda c: places[names[c]])
    ranks = np.argsort(order).astype(np.int64)
    class_names = tuple(names[c] for c in order)
    numbers = tuple(places[c] for c in class_names)
    return [replace(p, labels=ranks[p.labels]) for p in parts], class_names, numbers, notes


def _numbered(parts: list[Split]) -> tuple[list[Split], tuple[str, ...], tuple[int, ...]]:
    """Classes that have numbers alone: those with an image, called after their numbers.

    Raises:
        DataError: if a number is negative.
    """
    found = np.unique(np.concatenate([part.labels for part in parts]))
    for part in parts:
        _require_from_0(part, found)
    numbered = [replace(p, labels=np.searchsorted(found, p.labels).astype(np.int64)) for p in parts]
    return numbered, tuple(map(str, found.tolist())), tuple(found.tolist())


def _check_labels(part: Split, n_classes: int) -> None:
    wrong = np.flatnonzero((part.labels < 0) | (part.labels >= n_classes))
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"{part.images.place(row)}: label {part.labels[row]} is outside the class list, "
            f"which has {n_classes} names (0 to {n_classes - 1})"
        )


def _require_from_0(part: Split, found: Indices) -> None:
    """Refuses numbers below 0 where they have no names."""
    wrong = np.flatnonzero(part.labels < 0)
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"{part.images.place(row)}: label {part.labels[row]}, but numbers of classes begin at "
            f"0; write 0 to {len(found) - 1} for the {len(found)} numbers there are "
            f"({listed(found.tolist())}), or names as text; where a negative number says "
            "'not known', leave its rows out"
        )


def _require_readable(reference: str, names: tuple[str, ...]) -> None:
    """Refuses names that would steer a terminal, break a table, or turn a text around."""
    for name in names:
        if any(map(steers, name)):
            raise DataError(
                f"{reference}: the class name {ascii(name)} has a control character; rename the "
                "class"
            )


def _spelled(reference: str, name: str, written: tuple[str, ...]) -> tuple[str, ...]:
    """The names of classes as the known data set of that name spells them."""
    known = CLASS_NAMES.get(name, written)
    find = same_name(known)
    spelled: dict[str, None] = {}
    for c in written:
        found = find(c)
        if found is None:
            raise DataError(
                f"{reference}: class '{c}' is none of {name}, which has {listed(known, 100)}"
            )
        if found in spelled:
            raise DataError(f"{reference}: two classes are called '{c}'")
        spelled[found] = None
    return tuple(spelled)

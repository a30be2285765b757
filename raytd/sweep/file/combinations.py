"""What a sweep varies, and the combinations of values that each of its sections takes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from raytd.engine.config import Settings
from raytd.sweep.document.section_check import Checked, check_section
from raytd.sweep.document.yaml_data import KeyPath
from raytd.sweep.file.spec import SECTIONS, Condition

Sections = Mapping[str, Checked[Settings]]


@dataclass(frozen=True)
class Axis:
    """The values of a key that are looked at before anything runs.

    Attributes:
        values: all of those of a grid; of a search the ends, or the choices.
        places: where each of them is written.
        at: where the axis is.
    """

    values: Sequence[Any]
    places: Sequence[KeyPath]
    at: KeyPath


@dataclass(frozen=True)
class Design:
    """Everything that varies in a sweep.

    Attributes:
        grid: axes whose every combination is a cell.
        searched: axes that are searched within each cell.
        conditions: what other keys are in some cells; None stands for one that is wrong.
    """

    grid: Mapping[str, Axis] = field(default_factory=dict)
    searched: Mapping[str, Axis] = field(default_factory=dict)
    conditions: Sequence[Condition | None] = ()

    @property
    def axes(self) -> dict[str, Axis]:
        """Listed and searched."""
        return {**self.grid, **self.searched}


@dataclass(frozen=True)
class Combination:
    """Values that the keys of one section take together.

    Attributes:
        values: by key of the section.
        places: where each of them is written, likewise.
        met: numbers of the conditions that gave one.
    """

    values: dict[str, Any]
    places: dict[str, KeyPath]
    met: frozenset[int]


def cells(axes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination of the axes' values; the first axis varies slowest."""
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


def meets(condition: Condition, cell: Mapping[str, Any]) -> bool:
    """Whether a cell is one of those that a condition means."""
    return all(cell[axis] in values for axis, values in condition.when.items())


def name_in(section: str, key: str) -> str | None:
    """The name that a key has in a section; None if it belongs to another."""
    head, _, name = key.rpartition(".")
    return name if head == section else None


def combinations(section: str, design: Design) -> Iterator[Combination]:
    """Every combination that the keys of a section take in some cell."""
    axes = design.axes
    own = {key for key in axes if name_in(section, key) is not None}
    touching = [
        (number, condition)
        for number, condition in enumerate(design.conditions)
        if condition is not None and any(name_in(section, key) for key in condition.set)
    ]
    asked = {axis for _, condition in touching for axis in condition.when}
    relevant = {key: range(len(axis.values)) for key, axis in axes.items() if key in own | asked}
    for index in cells(relevant):
        cell = {key: axes[key].values[i] for key, i in index.items()}
        values = {key: cell[key] for key in index if key in own}
        places = {key: axes[key].places[i] for key, i in index.items() if key in own}
        met = [(number, condition) for number, condition in touching if meets(condition, cell)]
        for number, condition in met:
            for key, value in condition.set.items():
                if name_in(section, key):
                    values[key] = value
                    places[key] = condition_place(number, key)
        yield Combination(
            {key.rpartition(".")[2]: value for key, value in values.items()},
            {key.rpartition(".")[2]: place for key, place in places.items()},
            frozenset(number for number, _ in met),
        )


def condition_place(number: int, key: str) -> KeyPath:
    """Where a condition sets a key."""
    return ("where", number, "set", *key.split("."))


def variants(
    section: str, design: Design, sections: Sections, *, met: int | None = None
) -> Iterator[tuple[Any, Combination]]:
    """A section in every valid combination, with that combination.

    Args:
        section: its name.
        design: what varies.
        sections: what the file says of each section by itself.
        met: number of a condition; leaves the combinations that it has given nothing.
    """
    for combination in combinations(section, design):
        if met is not None and met not in combination.met:
            continue
        values = sections[section].written | combination.values
        checked = check_section(SECTIONS[section], values, ())
        if checked.value is not None and not checked.findings:
            yield checked.value, combination

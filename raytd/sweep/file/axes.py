"""What a sweep varies: its axes, and the combinations of values that each section takes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

from raytd.engine.config import Settings
from raytd.sweep.document.section_check import Checked, check_section
from raytd.sweep.document.wording import did_you_mean, show, unknown_key
from raytd.sweep.document.yaml_data import Finding, KeyPath
from raytd.sweep.file.spec import FIXED, KEYS, NO_AXES, SECTIONS, Choices, Condition, axis_keys

MAX_CELLS = 100_000

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
    _combinations: dict[str, "list[Combination]"] = field(default_factory=dict, repr=False)
    _checked: dict[tuple[str, str], Checked[Settings]] = field(default_factory=dict, repr=False)

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


def combinations(section: str, design: Design) -> list[Combination]:
    """Every combination that the keys of a section take in some cell; found once for a design."""
    if section not in design._combinations:
        design._combinations[section] = list(_combinations(section, design))
    return design._combinations[section]


def checked(
    section: str, combination: Combination, design: Design, sections: Sections
) -> Checked[Settings]:
    """A section with the values of a combination; the same values are checked once."""
    values = sections[section].written | combination.values
    known, key = design._checked, (section, repr(values))
    if key not in known:
        known[key] = check_section((SECTIONS | {"": Choices})[section], values, ())
    return known[key]


def _combinations(section: str, design: Design) -> Iterator[Combination]:
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
        found = checked(section, combination, design, sections)
        if found.value is not None and not found.findings:
            yield found.value, combination


def check_grid(written: Any) -> tuple[dict[str, Axis], list[Finding]]:
    """The axes of a grid, nested as it is written, and the problems with their keys."""
    if written is None:
        return {}, []
    if not isinstance(written, dict):
        return {}, [Finding(("grid",), f"must be a mapping of keys, not {show(written)}")]
    axes: dict[str, Axis] = {}
    findings: list[Finding] = []
    for path, values in leaves(written):
        at = ("grid", *path)
        problem = problem_with_key(path) or _problem_with_values(values)
        if problem:
            findings.append(Finding(at, problem))
        elif values is not None:
            axes[".".join(path)] = Axis(values, [(*at, i) for i in range(len(values))], at)
    n_cells = prod(len(axis.values) for axis in axes.values())
    if n_cells > MAX_CELLS:
        message = f"{n_cells:,} cells; at most {MAX_CELLS:,} are possible"
        return {}, [*findings, Finding(("grid",), message)]
    return axes, findings


def leaves(
    written: dict[str, Any], at: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What stands at the ends of nested keys, with its path."""
    for key, value in written.items():
        if isinstance(value, dict):
            yield from leaves(value, (*at, key))
        else:
            yield (*at, key), value


def problem_with_key(path: tuple[str, ...]) -> str | None:
    """Why a key cannot be an axis, in words; None if it can."""
    key, known = ".".join(path), axis_keys()
    own, sections = Choices.model_fields, [name for name in SECTIONS if name not in FIXED]
    if key in known:
        return None
    if key in NO_AXES:
        return "cannot be an axis: it holds a list"
    if path[0] in sections and len(path) > 1:
        return unknown_key(key.partition(".")[2], SECTIONS[path[0]].model_fields)
    if path[0] in KEYS:
        return f"cannot be an axis; {', '.join(own)} and each key of {', '.join(sections)} can"
    same = [k for k in known if k.rpartition(".")[2] == path[-1]]
    hint = did_you_mean(same[0] if same else key, known)
    return "unknown key" + (hint or "; an axis is model, seed or section.key")


def _problem_with_values(values: Any) -> str | None:
    if values is None:
        return None
    if not isinstance(values, list):
        return f"must be a list of values, not {show(values)}"
    return None if values else "must have at least one value"

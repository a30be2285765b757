"""The space of a search: how each searched axis is distributed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from raytd.sweep.document.section_check import check_section
from raytd.sweep.document.wording import did_you_mean, show
from raytd.sweep.document.yaml_data import Finding, KeyPath
from raytd.sweep.file.axes import MAX_CELLS, Axis, problem_with_key
from raytd.sweep.file.spec import SECTIONS, Choices, Distribution, Kind, SearchConfig

_AT: KeyPath = ("search", "space")
KINDS: dict[str, Kind] = {
    "loguniform": "loguniform",
    "uniform": "uniform",
    "integer": "integer",
    "int": "integer",
    "choice": "choice",
}
_FORMS = (
    "{loguniform: [low, high]}, {uniform: [low, high]}, {integer: [low, high]} or {choice: […]}"
)


@dataclass
class Search:
    """A search as it is written.

    Attributes:
        config: what it asks for; None where something is wrong, or nothing is searched.
        axes: what is looked at of each searched axis before anything runs.
        findings: the problems.
    """

    config: SearchConfig | None
    axes: dict[str, Axis]
    findings: list[Finding]


def check_search(written: Any, grid: Mapping[str, Axis]) -> Search:
    """The search of a sweep file.

    Args:
        written: what stands under `search`, nested.
        grid: the listed axes, none of which may be searched.
    """
    if written is None:
        return Search(None, {}, [])
    whole = written | {"space": {}} if isinstance(written, dict) else written
    checked = check_section(SearchConfig, whole, ("search",))
    findings, axes = list(checked.findings), dict[str, Axis]()
    space: dict[str, Distribution] = {}
    if isinstance(written, dict):
        entries, found = _entries(written.get("space"))
        findings += found
        for path, value in entries:
            at: KeyPath = (*_AT, *path)
            found = _problems(path, value, at, grid)
            findings += found
            if not found:
                ((name, values),) = value.items()
                kind, key = KINDS[name], ".".join(path)
                space[key] = {kind: tuple(values)}
                probes = probes_of(space[key])
                places = [(*at, name, min(i, len(values) - 1)) for i in range(len(probes))]
                axes[key] = Axis(probes, places, at)
    n_cells = math.prod(len(axis.values) for axis in (*grid.values(), *axes.values()))
    if n_cells > MAX_CELLS:
        message = (
            f"{n_cells:,} combinations of choices, ends of ranges and cells of the grid, each of "
            f"which is checked; at most {MAX_CELLS:,} are possible; list fewer choices, or write "
            "ranges, whose ends alone are checked"
        )
        return Search(None, {}, [*findings, Finding(_AT, message)])
    if findings or checked.value is None:
        return Search(None, axes, findings)
    return Search(checked.value.model_copy(update={"space": space}), axes, [])


def _entries(space: Any) -> tuple[list[tuple[tuple[str, ...], Any]], list[Finding]]:
    """Each searched axis with its distribution, both as they are written."""
    if space in (None, {}):
        return [], [Finding(_AT, "missing")]
    if not isinstance(space, dict):
        return [], [Finding(_AT, f"must be a mapping of keys, not {show(space)}")]
    entries: list[tuple[tuple[str, ...], Any]] = []
    for key, value in space.items():
        if key in SECTIONS and isinstance(value, dict):
            entries += [((key, name), inner) for name, inner in value.items()]
        else:
            entries.append(((key,), value))
    return entries, []


def _problems(
    path: tuple[str, ...], value: Any, at: KeyPath, grid: Mapping[str, Axis]
) -> list[Finding]:
    """What is wrong with one axis of the space."""
    problem = problem_with_key(path)
    if problem is not None:
        return [Finding(at, problem.replace("an axis", "searched", 1))]
    if ".".join(path) in grid:
        return [Finding(at, "is an axis under grid, too; list it there or search it here")]
    if path == ("seed",):
        return [Finding(at, "cannot be searched: the best seed is luck; list seeds under grid")]
    if not isinstance(value, dict) or len(value) != 1:
        return [Finding(at, f"must be {_FORMS}, not {show(value)}")]
    ((name, values),) = value.items()
    here = (*at, name)
    if name not in KINDS:
        hint = did_you_mean(name, KINDS)
        return [Finding(here, f"unknown distribution '{name}'{hint or f'; there are {_FORMS}'}")]
    if not isinstance(values, list) or not values:
        wanted = "a list of values" if name == "choice" else "[low, high]"
        return [Finding(here, f"must be {wanted}, not {show(values)}")]
    if KINDS[name] == "choice":
        return []
    problem = _problem_with_ends(KINDS[name], values)
    if problem is None and KINDS[name] != "integer" and _is_whole(path):
        problem = (
            f"the key holds whole numbers; write {{integer: [{', '.join(map(show, values))}]}}"
        )
    return [Finding(here, problem)] if problem else []


def _is_whole(path: tuple[str, ...]) -> bool:
    """Whether a key of a section holds whole numbers alone."""
    section, name = path if len(path) == 2 else ("", path[0])
    annotation = SECTIONS.get(section, Choices).model_fields[name].annotation
    kinds = {getattr(kind, "__origin__", kind) for kind in get_args(annotation)} or {annotation}
    return int in kinds and float not in kinds


def _problem_with_ends(kind: Kind, ends: Sequence[Any]) -> str | None:
    numbers = [v for v in ends if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(ends) != 2 or len(numbers) != 2 or not all(map(math.isfinite, numbers)):
        return f"must be [low, high], two numbers, not [{', '.join(map(show, ends))}]"
    low, high = ends
    if not low < high:
        return f"low must be less than high, not {show(low)} and {show(high)}"
    if kind == "integer" and not (isinstance(low, int) and isinstance(high, int)):
        return f"must have whole ends, not {show(low)} and {show(high)}"
    if kind == "loguniform" and low <= 0:
        return f"low must be greater than 0, not {show(low)}"
    return None


def probes_of(how: Distribution) -> list[Any]:
    """Values that stand for all others of a distribution: its ends, or its choices.

    What is right for these is taken for right of all. Beside the ends of a range of whole numbers
    the second is among them: not every one may be allowed.
    """
    ((kind, written),) = how.items()
    values: list[Any] = list(written)
    if kind == "choice":
        return values
    low, high = values
    if kind == "integer":
        return [low, low + 1] if high == low + 1 else [low, low + 1, high]
    return [float(low), float(high)]


def space_size(space: Mapping[str, Distribution]) -> int | None:
    """How many different suggestions there are; None for a space with an axis of fractions."""
    sizes = []
    for ((kind, values),) in (how.items() for how in space.values()):
        if kind == "choice":
            sizes.append(len(values))
        elif kind == "integer":
            low, high = (int(end) for end in values if isinstance(end, int | float))
            sizes.append(high - low + 1)
        else:
            return None
    return math.prod(sizes)

"""The axes of a grid, and what may be an axis at all."""

from collections.abc import Iterator
from math import prod
from typing import Any

from raytd.sweep.document.wording import did_you_mean, show, unknown_key
from raytd.sweep.document.yaml_data import Finding
from raytd.sweep.file.combinations import Axis
from raytd.sweep.file.spec import FIXED, KEYS, NO_AXES, SECTIONS, Choices, axis_keys

_MAX_CELLS = 100_000


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
    if n_cells > _MAX_CELLS:
        message = f"{n_cells:,} cells; at most {_MAX_CELLS:,} are possible"
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

"""Conditions: keys that take values of their own in some cells of the grid."""

from collections.abc import Mapping
from typing import Any

from raytd.sweep.document.wording import did_you_mean, show, unknown_key
from raytd.sweep.document.yaml_data import Finding, KeyPath
from raytd.sweep.file.axes import Axis, leaves, problem_with_key
from raytd.sweep.file.spec import Condition

Axes = Mapping[str, Axis]
_KEYS = ("when", "set")

_MOST = 1000
"""Conditions of a sweep. Each of them is held against each cell of the grid."""


def check_conditions(
    written: Any, grid: Axes, searched: Axes
) -> tuple[list[Condition | None], list[Finding]]:
    """The conditions of a sweep, None where it is not known which cells one means, and problems.

    Args:
        written: what stands under `where`.
        grid: the axes that a condition may ask for.
        searched: axes that no condition may set.
    """
    if written is None:
        return [], []
    if not isinstance(written, list):
        wanted = "a list of {when: {axis: value}, set: {key: value}}"
        return [], [Finding(("where",), f"must be {wanted}, not {show(written)}")]
    if len(written) > _MOST:
        message = f"{len(written):,} conditions; at most {_MOST:,} are possible"
        return [], [Finding(("where",), message)]
    conditions: list[Condition | None] = []
    findings: list[Finding] = []
    for number, item in enumerate(written):
        condition, found = _check(item, ("where", number), grid, searched)
        conditions.append(condition)
        findings += found
    return conditions, findings


def _check(
    item: Any, at: KeyPath, grid: Axes, searched: Axes
) -> tuple[Condition | None, list[Finding]]:
    if not isinstance(item, dict):
        return None, [Finding(at, f"must be a mapping with when and set, not {show(item)}")]
    findings = [Finding((*at, key), unknown_key(key, _KEYS)) for key in item if key not in _KEYS]
    for key in _KEYS:
        if key not in item:
            findings.append(Finding((*at, key), "missing"))
        elif not isinstance(item[key], dict):
            message = f"must be a mapping of keys, not {show(item[key])}"
            findings.append(Finding((*at, key), message))
        elif not item[key]:
            findings.append(Finding((*at, key), "must not be empty"))
    if findings:
        return None, findings
    when: dict[str, tuple[Any, ...]] = {}
    for path, value in leaves(item["when"]):
        findings += _problems_with_when(path, value, (*at, "when", *path), grid)
        when[".".join(path)] = tuple(value) if isinstance(value, list) else (value,)
    known = not findings
    fixed: dict[str, Any] = {}
    for path, value in leaves(item["set"]):
        problem = _problem_with_set(path, value, grid, searched)
        if problem:
            findings.append(Finding((*at, "set", *path), problem))
        else:
            fixed[".".join(path)] = value
    return Condition(when=when, set=fixed) if known else None, findings


def _problems_with_when(
    path: tuple[str, ...], value: Any, at: KeyPath, grid: Axes
) -> list[Finding]:
    """Axes that the grid has not, and values that no cell has."""
    key = ".".join(path)
    axis = grid.get(key)
    if axis is None:
        there = f"; its axes are {', '.join(grid)}" if grid else "; it has none"
        hint = did_you_mean(key, grid) or there
        return [Finding(at, f"is no axis of the grid{hint}")]
    listed = isinstance(value, list)
    if listed and not value:
        return [Finding(at, "must have at least one value")]
    findings = []
    for i, wanted in enumerate(value if listed else [value]):
        if wanted not in axis.values:
            names = [v for v in axis.values if isinstance(v, str)]
            hint = did_you_mean(wanted, names) if isinstance(wanted, str) else ""
            message = f"never met: grid.{key} has no value {show(wanted)}{hint}"
            findings.append(Finding((*at, i) if listed else at, message))
    return findings


def _problem_with_set(path: tuple[str, ...], value: Any, grid: Axes, searched: Axes) -> str | None:
    key = ".".join(path)
    for name, axes in (("grid", grid), ("search", searched)):
        if key in axes:
            return f"is an axis under {name}, too; a condition sets other keys"
    problem = problem_with_key(path)
    if problem is None and isinstance(value, list):
        return "must be one value, not a list; to sweep it, put it under grid"
    return problem.replace("cannot be an axis", "cannot be set by a condition") if problem else None

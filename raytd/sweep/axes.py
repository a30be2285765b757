"""The axes of a grid: known keys, valid values, an effect."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from raytd.engine.config import Settings
from raytd.sweep.document import Finding, KeyPath
from raytd.sweep.effect import is_effective, is_read, settings_of
from raytd.sweep.layout import FIXED, KEYS, NO_AXES, SECTIONS, Choices, axis_keys
from raytd.sweep.section import Checked, check_section
from raytd.sweep.wording import did_you_mean, show, unknown_key

Axes = dict[str, list[Any]]
Sections = Mapping[str, Checked[Settings]]

_MAX_CELLS = 100_000


def check_axes(
    written: Any, sections: Sections, methods: Sequence[str]
) -> tuple[Axes, list[Finding]]:
    """The axes of a grid and their problems.

    Args:
        written: the grid, nested.
        sections: what the file says outside the grid; the section "" holds model and seed.
        methods: the listed methods.
    """
    if written is None:
        return {}, []
    if not isinstance(written, dict):
        return {}, [Finding(("grid",), f"must be a mapping of keys, not {show(written)}")]
    axes: Axes = {}
    findings: list[Finding] = []
    for path, values in _leaves(written):
        problem = _problem_with_key(path) or _problem_with_values(values)
        if problem:
            findings.append(Finding(("grid", *path), problem))
        elif values is not None:
            axes[".".join(path)] = values
    n_cells = prod(map(len, axes.values()))
    if n_cells > _MAX_CELLS:
        findings.append(
            Finding(("grid",), f"{n_cells:,} cells; at most {_MAX_CELLS:,} are possible")
        )
        return {}, findings
    for section in SECTIONS | {"": Choices}:
        findings += _check_values(section, axes, sections)
    return axes, findings + _without_effect(axes, sections, methods)


def cells(axes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination of the axes' values; the first axis varies slowest."""
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


def axes_of(section: str, axes: Axes) -> Axes:
    """The axes of one section by its own keys."""
    parts = {key: key.rpartition(".") for key in axes}
    return {name: axes[key] for key, (head, _, name) in parts.items() if head == section}


def axis_path(section: str, name: str) -> tuple[str, ...]:
    """Where the axis of a section's key stands in a sweep file."""
    return ("grid", section, name) if section else ("grid", name)


def _leaves(
    written: dict[str, Any], at: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in written.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*at, key))
        else:
            yield (*at, key), value


def _problem_with_key(path: tuple[str, ...]) -> str | None:
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


def _check_values(section: str, axes: Axes, sections: Sections) -> list[Finding]:
    """Validates the section of every cell, then looks for values given twice."""
    own = axes_of(section, axes)
    if not own:
        return []
    model, written = SECTIONS.get(section, Choices), sections[section].written
    found: dict[tuple[str, str], Finding] = {}
    for indices in product(*(range(len(values)) for values in own.values())):
        index = dict(zip(own, indices, strict=True))
        cell = {name: own[name][i] for name, i in index.items()}
        for finding in check_section(model, written | cell, ()).findings:
            named = [w for w in (*map(str, finding.path), *finding.message.split()) if w in own]
            name = named[0] if named else next(iter(own))
            at: KeyPath = (*axis_path(section, name), index[name])
            found.setdefault((name, finding.message), Finding(at, finding.message))
    for name, values in own.items():
        for i, value in enumerate(values):
            if value in values[:i]:
                message = f"{show(value)} a second time"
                found[name, message] = Finding((*axis_path(section, name), i), message)
    return list(found.values())


def _without_effect(axes: Axes, sections: Sections, methods: Sequence[str]) -> list[Finding]:
    """Axes that change the answer of no method in no cell."""
    from raytd.methods.registry import METHODS

    findings = []
    listed = [METHODS[name] for name in methods]
    for key in axes if listed else ():
        readers = [method for method in listed if is_read(method, key)]
        effects = [
            is_effective(method, settings_of(method, section), key)
            for method in readers
            for section in variants(method.section, axes, sections)
        ]
        section, _, name = key.rpartition(".")
        own = list(variants(section, axes, sections)) if section else []
        idle = bool(own) and all(name in variant.idle() for variant in own)
        if not readers or idle or (effects and not any(effects)):
            reason = "coupled.proximal is 'none'"
            if idle:
                reason = f"the other keys of {section} leave it idle"
            elif not readers:
                reason = f"no listed method reads it ({', '.join(methods)})"
            findings.append(Finding(axis_path(section, name), f"has no effect: {reason}"))
    return findings


def variants(section: str, axes: Axes, sections: Sections) -> Iterator[Any]:
    """A section with every valid combination of its axes."""
    for values in cells(axes_of(section, axes)):
        checked = check_section(SECTIONS[section], sections[section].written | values, ())
        if checked.value is not None and not checked.findings:
            yield checked.value

"""Whether what a sweep varies has valid values, an effect, and a tile for every block."""

from collections.abc import Sequence
from typing import Any

from raytd.sweep.document.wording import show
from raytd.sweep.document.yaml_data import Finding, KeyPath
from raytd.sweep.file.axes import (
    Axis,
    Combination,
    Design,
    Sections,
    checked,
    combinations,
    condition_place,
    name_in,
    variants,
)
from raytd.sweep.file.spec import SECTIONS
from raytd.tasks.spec import TaskSpec
from raytd.words import counted


def check_values(design: Design, sections: Sections) -> list[Finding]:
    """Values that a section refuses in some cell, and values given twice.

    Args:
        design: what varies.
        sections: what the file says of each section; "" holds model, weights and seed.
    """
    findings: list[Finding] = []
    for section in (*SECTIONS, ""):
        found: dict[tuple[KeyPath, str], Finding] = {}
        for combination in combinations(section, design):
            for finding in checked(section, combination, design, sections).findings:
                at = _place(finding, combination)
                if at is not None:
                    told = (at[:-1] if isinstance(at[-1], int) else at, finding.message)
                    found.setdefault(told, Finding(at, finding.message))
        for key, axis in design.axes.items():
            if name_in(section, key) is not None:
                found |= {(f.path, f.message): f for f in _twice(axis)}
        findings += found.values()
    return findings


def _place(finding: Finding, combination: Combination) -> KeyPath | None:
    """Where the value that a finding is about is written; None where no axis has to do with it."""
    words = (*map(str, finding.path), *finding.message.split())
    named = [word for word in words if word in combination.places]
    return combination.places[named[0]] if named else next(iter(combination.places.values()), None)


def _twice(axis: Axis) -> list[Finding]:
    return [
        Finding(place, f"{show(value)} a second time")
        for i, (value, place) in enumerate(zip(axis.values, axis.places, strict=True))
        if value in list(axis.values)[:i]
    ]


def check_effect(design: Design, sections: Sections, methods: Sequence[str]) -> list[Finding]:
    """Axes, and keys set by conditions, that change the answer of no method in no cell."""
    if not methods:
        return []
    written: dict[KeyPath, tuple[str, int | None]] = {
        axis.at: (key, None) for key, axis in design.axes.items()
    }
    for number, condition in enumerate(design.conditions):
        for key in condition.set if condition else ():
            written[condition_place(number, key)] = (key, number)
    findings = []
    for at, (key, met) in written.items():
        reason = _idle(key, met, design, sections, methods)
        if reason:
            findings.append(Finding(at, f"has no effect: {reason}"))
    return findings


def _idle(
    key: str, met: int | None, design: Design, sections: Sections, methods: Sequence[str]
) -> str | None:
    """Why no listed method obeys a key, in words; None if one does.

    Args:
        key: of an axis, or set by a condition.
        met: the number of that condition.
        design: what varies.
        sections: what the file says of each section.
        methods: the listed methods.
    """
    from raytd.methods.registry import METHODS

    readers = [METHODS[name] for name in methods if METHODS[name].reads(key)]
    if not readers:
        return f"no listed method reads it ({', '.join(methods)})"
    section = key.rpartition(".")[0]
    shared = _settings(section, design, sections, met) if section else [None]
    reasons = [
        method.why_idle(key, method.settings_from(own), each)
        for method in readers
        for own in _of_method(
            method.section, design, sections, met if method.section == section else None
        )
        for each in ([None] if method.section == section else shared)
    ]
    if not reasons or None in reasons:
        return None
    (first, *_) = [reason for reason in reasons if reason is not None]
    return first


def _of_method(
    section: str | None, design: Design, sections: Sections, met: int | None
) -> list[dict[str, Any]]:
    """The section of a method in every combination, by its name; nothing where it has none."""
    if section is None:
        return [{}]
    return [{section: settings} for settings in _settings(section, design, sections, met)]


def _settings(section: str, design: Design, sections: Sections, met: int | None) -> list[Any]:
    return [settings for settings, _ in variants(section, design, sections, met=met)]


def check_tiles(
    tasks: Sequence[TaskSpec],
    pairs: Sequence[tuple[str, str]],
    design: Design,
    sections: Sections,
) -> list[Finding]:
    """Numbers of blocks that are greater than the number of tiles of some pair.

    A pair is left to the plan where an image count is not known before the data are read.
    """
    from raytd.transport.tiles import n_tiles

    if {"blocks", "tile_size"} & sections["coupled"].dropped:
        return []
    counts = {task.name: task.train for task in tasks}
    known = [(max(a, b), s, t) for s, t in pairs if (a := counts.get(s)) and (b := counts.get(t))]
    if not known:
        return []
    n, source, target = min(known, key=lambda pair: pair[0])
    findings: dict[KeyPath, Finding] = {}
    for coupled, combination in variants("coupled", design, sections):
        blocks, tile_size = coupled.blocks, coupled.tile_size
        there = n_tiles(n, n, tile_size)
        if blocks > there:
            message = (
                f"{counted(blocks, 'block')} need as many tiles; {source} -> {target} has {there} "
                f"({n} images in tiles of {tile_size}); set blocks to at most {there}"
            )
            smaller = -(-n // (blocks - 1)) - 1
            path = combination.places.get("blocks", ("coupled", "blocks"))
            message += f" or tile_size to at most {smaller}" if smaller else ""
            findings.setdefault(path, Finding(path, message))
    return list(findings.values())

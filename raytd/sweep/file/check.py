"""Checks a sweep file as a whole and builds the sweep that it asks for."""

from dataclasses import replace
from typing import Any

from raytd.engine.config import Settings
from raytd.sweep.document.section_check import Checked, check_section
from raytd.sweep.document.wording import shown, unknown_key
from raytd.sweep.document.yaml_data import Entry, Finding
from raytd.sweep.file.axes import Design, check_grid
from raytd.sweep.file.axis_values import check_effect, check_tiles, check_values
from raytd.sweep.file.conditions import check_conditions
from raytd.sweep.file.pairs import check_methods, check_pairs
from raytd.sweep.file.search import check_search
from raytd.sweep.file.spec import (
    KEYS,
    SECTIONS,
    Choices,
    DataConfig,
    Label,
    SearchConfig,
    SweepSpec,
    axis_keys,
)
from raytd.sweep.file.tasks import check_tasks


def check(root: Entry) -> tuple[SweepSpec | None, list[Finding]]:
    """The sweep, or everything that is wrong with it.

    Args:
        root: one variant of the file: without profiles.
    """
    from raytd.methods.registry import METHODS

    data = root.plain()
    findings = [Finding((key,), unknown_key(key, KEYS)) for key in data if key not in KEYS]
    label = check_section(Label, _only(data, Label), ())
    sections: dict[str, Checked[Any]] = {"": check_section(Choices, _only(data, Choices), ())}
    for name, model in SECTIONS.items():
        sections[name] = check_section(model, data.get(name), (name,))
    tasks = check_tasks(data.get("tasks"), sections["data"].value or DataConfig())
    pairs, pair_findings = check_pairs(data.get("pairs"), tasks.names)
    methods, method_findings = check_methods(data.get("methods"))
    grid, grid_findings = check_grid(data.get("grid"))
    search = check_search(data.get("search"), grid)
    conditions, condition_findings = check_conditions(data.get("where"), grid, search.axes)
    design = Design(grid, search.axes, conditions)
    found = [f for part in (label, *sections.values()) for f in part.findings]
    findings += [_with_hint(finding, root) for finding in found]
    findings += [*tasks.findings, *pair_findings, *method_findings]
    findings += [*grid_findings, *search.findings, *condition_findings]
    findings += check_values(design, sections)
    findings += check_effect(design, sections, [] if method_findings else methods)
    if any(METHODS[name].reads("coupled.blocks") for name in methods) or method_findings:
        findings += check_tiles(tasks.specs, pairs, design, sections)
    if search.config is not None:
        findings += _without_metric(search.config, methods)
    if findings:
        return None, findings
    fields = label.written | sections.pop("").written
    fields |= {name: checked.value for name, checked in sections.items()}
    fields |= {"tasks": tasks.specs, "pairs": tuple(pairs), "methods": tuple(methods)}
    fields["grid"] = {key: tuple(axis.values) for key, axis in grid.items()}
    fields |= {"where": tuple(conditions), "search": search.config}
    return SweepSpec.model_validate(fields), []


def _without_metric(search: SearchConfig, methods: list[str]) -> list[Finding]:
    """Methods that obey what is searched, and have no number that says how good it is."""
    from raytd.methods.registry import METHODS

    found = []
    for method in (METHODS[name] for name in methods):
        searched = any(method.reads(key) for key in search.space)
        if searched and not method.has_number(search.metric):
            message = f"the results of {method.name} have no {search.metric}; take value"
            found.append(Finding(("search", "metric"), message))
    return found


def _with_hint(finding: Finding, root: Entry) -> Finding:
    """A list where one value is wanted is most often meant as an axis."""
    entry = root.find(finding.path)
    if entry is None or not isinstance(entry.value, list) or shown(finding.path) not in axis_keys():
        return finding
    return replace(finding, message=f"{finding.message}; to sweep it, put it under grid")


def _only(data: dict[str, Any], model: type[Settings]) -> dict[str, Any]:
    """What was written for the keys of a model."""
    return {key: value for key, value in data.items() if key in model.model_fields}

"""Definitions of tasks: one by itself, and all that have a name.

These are those of the catalogue and of a file of the user's. Such a file has one key, `tasks`: a
list of inline definitions as a sweep file has them.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from raytd.errors import PathError, RequestError
from raytd.paths import expanded
from raytd.sweep.document.section_check import check_section
from raytd.sweep.document.wording import did_you_mean, shown, unknown_key
from raytd.sweep.document.yaml_data import Document, Finding, KeyPath, Position, read_document
from raytd.sweep.file.written_names import with_texts
from raytd.tasks.catalogue import CATALOGUE
from raytd.tasks.references import identity_of, is_reference, names
from raytd.tasks.spec import TaskSpec
from raytd.tasks.vocabulary import CLASS_NAMES
from raytd.words import one_line

VARIABLE = "RAYTD_CATALOGUE"


def check_definition(item: Any, at: KeyPath) -> tuple[TaskSpec | None, list[Finding]]:
    """The task that a mapping defines, and what is wrong with it.

    A task of a known data set that names no classes has all of them by name.
    """
    checked = check_section(TaskSpec, item, at)
    spec = checked.value
    if spec is not None and spec.classes is None and spec.dataset in CLASS_NAMES:
        spec = spec.model_copy(update={"classes": CLASS_NAMES[spec.dataset]})
    return spec, checked.findings + _check_classes(checked.written, at)


def _check_classes(item: dict[str, Any], at: KeyPath) -> list[Finding]:
    """Data set and classes, as far as they are known before the files are read."""
    findings: list[Finding] = []
    dataset, classes = item.get("dataset"), [str(c) for c in item.get("classes") or ()]
    if isinstance(dataset, str) and not is_reference(dataset):
        message = f"unknown dataset '{dataset}'; there are {', '.join(names())}"
        findings.append(Finding((*at, "dataset"), message + did_you_mean(dataset, names())))
    elif isinstance(dataset, str):
        try:
            identity_of(dataset)
        except PathError as error:
            findings.append(Finding((*at, "dataset"), str(error)))
    home = str(item.get("known_as") or dataset)
    known = CLASS_NAMES.get(home, tuple(classes))
    for j, name in enumerate(classes):
        here: KeyPath = (*at, "classes", j)
        if name in classes[:j]:
            findings.append(Finding(here, f"class '{name}' a second time"))
        elif name not in known:
            findings.append(
                Finding(here, f"{home} has no class '{name}'{did_you_mean(name, known)}")
            )
    return findings


def known_tasks(file: Path | str | None) -> tuple[Mapping[str, TaskSpec], list[Finding]]:
    """Every task that has a name, and what is wrong with the user's file.

    Args:
        file: the user's catalogue; None is that of the environment variable RAYTD_CATALOGUE, or
            none.
    """
    path = file or os.environ.get(VARIABLE)
    if not path:
        return CATALOGUE, []
    try:
        document = with_texts(read_document(expanded(path)))
    except PathError as error:
        place = "data.catalogue" if file else VARIABLE
        return CATALOGUE, [Finding((), str(error), _position(place, 0))]
    except RequestError as error:
        place, message = error.problems[0].split("  ", 1)
        return CATALOGUE, [Finding((), message, _position(place, 0))]
    own, findings = _check(document)
    located = [
        _located(document, finding, number)
        for number, finding in enumerate([*document.findings, *findings])
    ]
    return CATALOGUE | own, located


def load_catalogue(file: Path | str | None) -> Mapping[str, TaskSpec]:
    """Every task that has a name.

    Raises:
        RequestError: with everything that is wrong with the user's file.
    """
    tasks, findings = known_tasks(file)
    if findings:
        raise RequestError([one_line(f"{f.at.text}  {f.message}") for f in findings if f.at])
    return tasks


def _check(document: Document) -> tuple[dict[str, TaskSpec], list[Finding]]:
    content = document.root.plain()
    if not isinstance(content, dict) or not isinstance(content.get("tasks"), list):
        return {}, [Finding((), "must have the key tasks, a list of tasks")]
    findings = [Finding((key,), unknown_key(key, ("tasks",))) for key in content if key != "tasks"]
    tasks: dict[str, TaskSpec] = {}
    for i, item in enumerate(content["tasks"]):
        at: KeyPath = ("tasks", i)
        spec, found = check_definition(item, at)
        findings += found
        if spec is None or found:
            continue
        if (CATALOGUE | tasks).get(spec.name, spec) != spec:
            findings.append(Finding(at, f"another task has the name '{spec.name}' already"))
        tasks[spec.name] = spec
    return tasks, findings


def _located(document: Document, finding: Finding, number: int) -> Finding:
    """The finding with its place in the catalogue's file, which is not that of the sweep."""
    at = finding.at or document.root.position(finding.path)
    place = f"{at.text} {shown(finding.path)}".strip()
    return replace(finding, path=(), at=_position(place, number))


def _position(place: str, number: int) -> Position:
    return Position(place, (2, number))

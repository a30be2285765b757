"""The tasks that have a name: the catalogue's, and those of a file of the user's.

Such a file has one key, `tasks`: a list of inline definitions as a sweep file has them.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from raytd.errors import HomeError, RequestError
from raytd.paths import expanded
from raytd.sweep.document.wording import shown, unknown_key
from raytd.sweep.document.yaml_data import Document, Finding, KeyPath, Position, read_document
from raytd.sweep.file.inline_task import check_definition
from raytd.sweep.file.written_names import with_texts
from raytd.tasks.catalogue import CATALOGUE
from raytd.tasks.spec import TaskSpec

VARIABLE = "RAYTD_CATALOGUE"


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
    except HomeError as error:
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
        raise RequestError([f"{f.at.text}  {f.message}" for f in findings if f.at])
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

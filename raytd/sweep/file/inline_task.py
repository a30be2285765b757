"""One inline definition of a task."""

from typing import Any

from raytd.errors import HomeError
from raytd.sweep.document.section_check import check_section
from raytd.sweep.document.wording import did_you_mean
from raytd.sweep.document.yaml_data import Finding, KeyPath
from raytd.tasks.references import identity_of, is_reference, names
from raytd.tasks.spec import TaskSpec
from raytd.tasks.vocabulary import CLASS_NAMES


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
        except HomeError as error:
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

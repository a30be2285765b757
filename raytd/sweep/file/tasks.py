"""The tasks of a sweep file: names of the catalogue, and inline definitions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from raytd.sweep.document.section_check import check_section
from raytd.sweep.document.wording import did_you_mean, show
from raytd.sweep.document.yaml_data import Finding, KeyPath
from raytd.sweep.file.catalogue_file import check_definition, known_tasks
from raytd.sweep.file.pairs import check_list
from raytd.sweep.file.spec import DataConfig
from raytd.tasks.spec import TaskSpec

_DEFAULTS = ("train", "val", "size", "channels", "range", "background", "seed")
"""Keys of a task that the section `data` gives where the task does not."""


@dataclass
class Tasks:
    """The tasks of a sweep.

    Attributes:
        specs: those that are right, with what `data` says of all tasks.
        names: of all of them, right or wrong; empty where one has none.
        findings: the problems.
    """

    specs: list[TaskSpec] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def check_tasks(written: Any, data: DataConfig) -> Tasks:
    """Resolves catalogue names and inline definitions."""
    known, findings = known_tasks(data.catalogue)
    tasks = Tasks(findings=findings + check_list(written, ("tasks",), "tasks"))
    seen, named = _Seen(), set[str]()
    for i, item in enumerate(written if isinstance(written, list) else []):
        at: KeyPath = ("tasks", i)
        name = item.get("name") if isinstance(item, dict) else item
        spec, found = _resolve(item, at, known, complete=not findings)
        tasks.findings += found
        if isinstance(name, str) and name in named:
            tasks.findings.append(Finding(at, f"a second task of the name '{name}'"))
        named |= {name} if isinstance(name, str) else set()
        tasks.names.append(name if isinstance(name, str) else "")
        if spec is not None:
            told = {finding.path for finding in tasks.findings}
            tasks.findings += [f for f in _check_counts(spec, data, at) if f.path not in told]
            open_keys = [key for key in _DEFAULTS if getattr(spec, key) is None]
            tasks.specs.append(spec.model_copy(update={k: getattr(data, k) for k in open_keys}))
            tasks.findings += [] if found else seen.add(tasks.specs[-1], at)
    return tasks


class _Seen:
    """What the tasks so far are made of: a sweep may have thousands, each of which is looked up."""

    def __init__(self) -> None:
        self._name_of: dict[TaskSpec, str] = {}
        self._datasets: dict[str, dict[str, bool]] = {}

    def add(self, spec: TaskSpec, at: KeyPath) -> list[Finding]:
        """What an earlier task says against one more."""
        return [*self._twin(spec, at), *self._other_identity(spec, at)]

    def _twin(self, spec: TaskSpec, at: KeyPath) -> list[Finding]:
        """Whether it has the images of an earlier one under another name."""
        name = self._name_of.setdefault(spec.model_copy(update={"name": ""}), spec.name)
        return [] if name == spec.name else [Finding(at, f"the same as the task '{name}'")]

    def _other_identity(self, spec: TaskSpec, at: KeyPath) -> list[Finding]:
        """Whether classes of its files pass for those of other files by chance."""
        by_chance = ":" in spec.dataset and spec.known_as is None
        earlier = self._datasets.setdefault(spec.identity, {})
        others = [d for d, other in earlier.items() if d != spec.dataset and (other or by_chance)]
        earlier[spec.dataset] = by_chance or earlier.get(spec.dataset, False)
        return [
            Finding(
                (*at, "dataset"),
                f"{spec.dataset} and {other} would both be known as '{spec.identity}', and share "
                "their classes; set known_as for one of them, or the same for both",
            )
            for other in others[:1]
        ]


def _resolve(
    item: Any, at: KeyPath, catalogue: Mapping[str, TaskSpec], *, complete: bool
) -> tuple[TaskSpec | None, list[Finding]]:
    """The task that one item of the list stands for; `complete` is whether all names are known."""
    if isinstance(item, str):
        known = catalogue.get(item)
        unknown = [Finding(at, _unknown_task(item, catalogue))] if complete else []
        return known, [] if known else unknown
    if not isinstance(item, dict):
        return None, [Finding(at, f"must be the name of a task or a mapping, not {show(item)}")]
    name = item.get("name")
    if isinstance(name, str) and not {"dataset", "classes"} & item.keys():
        known = catalogue.get(name)
        if known is None:
            message = _unknown_task(name, catalogue, " without dataset")
            rest = check_section(TaskSpec, item | {"dataset": ""}, at)
            return None, [Finding((*at, "name"), message)] * complete + rest.findings
        item = known.model_dump(mode="json", exclude_none=True) | item
    return check_definition(item, at)


def _unknown_task(name: str, catalogue: Mapping[str, TaskSpec], more: str = "") -> str:
    return f"unknown task '{name}'{more}{did_you_mean(name, catalogue)}"


def _check_counts(task: TaskSpec, data: DataConfig, at: KeyPath) -> list[Finding]:
    """Whether there is at least one image of every class."""
    findings = []
    n_classes = len(task.classes or ())
    for key in ("train", "val"):
        own, default = getattr(task, key), getattr(data, key)
        count = own or default
        if count is not None and count < n_classes:
            path: KeyPath = ("data", key) if own is None else (*at, key)
            message = f"must be at least {n_classes}, one image a class of {task.name}, not {count}"
            findings.append(Finding(path, message))
    return findings

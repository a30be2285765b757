"""Tasks, pairs and methods as they are written in a sweep file, by name."""

from dataclasses import dataclass, field
from typing import Any

from raytd.sweep.document import Finding, KeyPath
from raytd.sweep.layout import DataConfig
from raytd.sweep.section import check_section
from raytd.sweep.wording import did_you_mean, show, unknown_key
from raytd.tasks.catalogue import CATALOGUE
from raytd.tasks.spec import TaskSpec
from raytd.tasks.vocabulary import CLASS_NAMES


@dataclass
class Tasks:
    """The tasks of a sweep.

    Attributes:
        specs: those that are right, with their image counts.
        names: of all of them, right or wrong; empty where one has none.
        findings: the problems.
    """

    specs: list[TaskSpec] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def check_list(value: Any, at: KeyPath, what: str) -> list[Finding]:
    """The problem of a value that has to be a list with something in it."""
    if value is None:
        return [Finding(at, "missing")]
    if not isinstance(value, list):
        return [Finding(at, f"must be a list of {what}, not {show(value)}")]
    return [] if value else [Finding(at, "must not be empty")]


def check_tasks(written: Any, data: DataConfig) -> Tasks:
    """Resolves catalogue names and inline definitions."""
    tasks = Tasks(findings=check_list(written, ("tasks",), "tasks"))
    for i, item in enumerate(written if isinstance(written, list) else []):
        at: KeyPath = ("tasks", i)
        name = item.get("name") if isinstance(item, dict) else item
        spec, findings = _resolve(item, at)
        tasks.findings += findings
        if isinstance(name, str) and name in tasks.names:
            tasks.findings.append(Finding(at, f"a second task of the name '{name}'"))
        tasks.names.append(name if isinstance(name, str) else "")
        if spec is not None:
            told = {finding.path for finding in tasks.findings}
            tasks.findings += [f for f in _check_counts(spec, data, at) if f.path not in told]
            counts = {k: getattr(spec, k) or getattr(data, k) for k in ("train", "val")}
            tasks.specs.append(spec.model_copy(update=counts))
            tasks.findings += _check_twin(tasks.specs, at)
    return tasks


def _check_twin(specs: list[TaskSpec], at: KeyPath) -> list[Finding]:
    """Whether the last task has the images of an earlier one under another name."""
    *earlier, last = specs
    twins = (t.name for t in earlier if t.model_copy(update={"name": last.name}) == last)
    return [Finding(at, f"the same as the task '{name}'") for name in twins if name != last.name]


def _resolve(item: Any, at: KeyPath) -> tuple[TaskSpec | None, list[Finding]]:
    """The task that one item of the list stands for."""
    if isinstance(item, str):
        known = CATALOGUE.get(item)
        return known, [] if known else [Finding(at, _unknown_task(item))]
    if not isinstance(item, dict):
        return None, [Finding(at, f"must be the name of a task or a mapping, not {show(item)}")]
    name = item.get("name")
    if isinstance(name, str) and not {"dataset", "classes"} & item.keys():
        known = CATALOGUE.get(name)
        if known is None:
            finding = Finding((*at, "name"), _unknown_task(name, " without dataset and classes"))
            rest = check_section(TaskSpec, item | {"dataset": "", "classes": ["?"]}, at)
            return None, [finding, *rest.findings]
        item = item | {"dataset": known.dataset, "classes": list(known.classes)}
    checked = check_section(TaskSpec, item, at)
    return checked.value, checked.findings + _check_classes(checked.written, at)


def _unknown_task(name: str, more: str = "") -> str:
    return f"unknown task '{name}'{more}{did_you_mean(name, CATALOGUE)}"


def _check_classes(item: dict[str, Any], at: KeyPath) -> list[Finding]:
    """Data set and classes of an inline definition."""
    from raytd.tasks.datasets import names

    findings: list[Finding] = []
    dataset, classes = item.get("dataset"), [str(c) for c in item.get("classes", ())]
    if isinstance(dataset, str) and dataset not in names():
        message = f"unknown dataset '{dataset}'; there are {', '.join(names())}"
        findings.append(Finding((*at, "dataset"), message + did_you_mean(dataset, names())))
    known = CLASS_NAMES.get(str(dataset), tuple(classes))
    for j, name in enumerate(classes):
        here: KeyPath = (*at, "classes", j)
        if name in classes[:j]:
            findings.append(Finding(here, f"class '{name}' a second time"))
        elif name not in known:
            message = f"{dataset} has no class '{name}'{did_you_mean(name, known)}"
            findings.append(Finding(here, message))
    return findings


def _check_counts(task: TaskSpec, data: DataConfig, at: KeyPath) -> list[Finding]:
    """Whether there is at least one image of every class."""
    findings = []
    n_classes = len(task.classes)
    for key in ("train", "val"):
        own, default = getattr(task, key), getattr(data, key)
        count = own or default
        if count is not None and count < n_classes:
            path: KeyPath = ("data", key) if own is None else (*at, key)
            message = f"must be at least {n_classes}, one image a class of {task.name}, not {count}"
            findings.append(Finding(path, message))
    return findings


Pairs = list[tuple[str, str]]


def check_pairs(written: Any, names: list[str]) -> tuple[Pairs, list[Finding]]:
    """The ordered pairs that a sweep asks for."""
    at: KeyPath = ("pairs",)
    if written in ("all", None):
        pairs = [(s, t) for s in names for t in names if s != t]
        if len(names) != 1:
            return pairs, []
        return [], [Finding(at if written else ("tasks",), "all pairs need at least two tasks")]
    if isinstance(written, dict):
        return _from_to(written, names)
    if not isinstance(written, list):
        wanted = "'all', a list of [source, target], or a mapping with from and to"
        hint = did_you_mean(written, ["all"]) if isinstance(written, str) else ""
        return [], [Finding(at, f"must be {wanted}, not {show(written)}{hint}")]
    findings = check_list(written, at, "pairs")
    pairs = []
    for i, item in enumerate(written):
        found = _check_pair(item, (*at, i), names)
        findings += found
        if not found and tuple(item) in pairs:
            findings.append(Finding((*at, i), f"the pair {item[0]} -> {item[1]} a second time"))
        elif not found:
            pairs.append((item[0], item[1]))
    return pairs, findings


def _check_pair(item: Any, at: KeyPath, names: list[str]) -> list[Finding]:
    if not isinstance(item, list) or len(item) != 2:
        form = f"{show(item)} of {len(item)}" if isinstance(item, list) and item else show(item)
        return [Finding(at, f"must be [source, target], not {form}")]
    return _not_in_tasks(item, at, names)


def _not_in_tasks(items: list[Any], at: KeyPath, names: list[str]) -> list[Finding]:
    findings = []
    for j, name in enumerate(items):
        if name not in names:
            hint = did_you_mean(name, names) if isinstance(name, str) else ""
            findings.append(Finding((*at, j), f"{show(name)} is not among the tasks{hint}"))
    return findings


def _from_to(written: dict[str, Any], names: list[str]) -> tuple[Pairs, list[Finding]]:
    """Every source with every target but itself."""
    findings = [
        Finding(("pairs", key), unknown_key(key, ("from", "to")))
        for key in written
        if key not in ("from", "to")
    ]
    ends: dict[str, list[Any]] = {}
    for key in ("from", "to"):
        at: KeyPath = ("pairs", key)
        problems = check_list(written.get(key), at, "tasks") if key in written else []
        if key not in written:
            problems = [Finding(at, "missing")]
        ends[key] = [] if problems else written[key]
        findings += [*problems, *_not_in_tasks(ends[key], at, names)]
    if findings:
        return [], findings
    pairs = list(dict.fromkeys((s, t) for s in ends["from"] for t in ends["to"] if s != t))
    if not pairs:
        findings = [Finding(("pairs",), "from and to name the same one task; list [[task, task]]")]
    return pairs, findings


def check_methods(written: Any) -> tuple[list[str], list[Finding]]:
    """The listed methods that exist, each once."""
    from raytd.methods.registry import METHODS

    findings = check_list(written, ("methods",), "methods")
    methods: list[str] = []
    for i, name in enumerate(written if isinstance(written, list) else []):
        at: KeyPath = ("methods", i)
        if not isinstance(name, str) or name not in METHODS:
            hint = did_you_mean(name, METHODS) if isinstance(name, str) else ""
            there = ", ".join(METHODS)
            findings.append(Finding(at, f"unknown method {show(name)}; there are {there}{hint}"))
        elif name in methods:
            findings.append(Finding(at, f"the method {name} a second time"))
        else:
            methods.append(name)
    return methods, findings

"""Pairs and methods as they are written in a sweep file, by name."""

from typing import Any

from raytd.sweep.document.wording import did_you_mean, show, unknown_key
from raytd.sweep.document.yaml_data import Finding, KeyPath


def check_list(value: Any, at: KeyPath, what: str) -> list[Finding]:
    """The problem of a value that has to be a list with something in it."""
    if value is None:
        return [Finding(at, "missing")]
    if not isinstance(value, list):
        return [Finding(at, f"must be a list of {what}, not {show(value)}")]
    return [] if value else [Finding(at, "must not be empty")]


Pairs = list[tuple[str, str]]


_MOST = 200_000
"""Pairs of a sweep: those of some 450 tasks."""


def _too_many(n: int) -> str:
    return f"{n:,} pairs; at most {_MOST:,} are possible; name fewer under pairs"


def check_pairs(written: Any, names: list[str]) -> tuple[Pairs, list[Finding]]:
    """The ordered pairs that a sweep asks for."""
    at: KeyPath = ("pairs",)
    if written in ("all", None):
        if len(names) ** 2 > _MOST:
            return [], [Finding(at if written else ("tasks",), _too_many(len(names) ** 2))]
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
    listed: dict[tuple[str, str], None] = {}
    for i, item in enumerate(written):
        found = _check_pair(item, (*at, i), names)
        findings += found
        if not found and tuple(item) in listed:
            findings.append(Finding((*at, i), f"the pair {item[0]} -> {item[1]} a second time"))
        elif not found:
            listed[item[0], item[1]] = None
    return list(listed), findings


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
    """Every source with every target but itself; an end that is not named means all tasks."""
    findings = [
        Finding(("pairs", key), unknown_key(key, ("from", "to")))
        for key in written
        if key not in ("from", "to")
    ]
    ends = {key: written[key] for key in ("from", "to") if written.get(key) is not None}
    if not ends and not findings:
        findings.append(Finding(("pairs",), "must name from, to, or both; 'all' means all pairs"))
    for key, end in ends.items():
        at: KeyPath = ("pairs", key)
        findings += check_list(end, at, "tasks") or _not_in_tasks(end, at, names)
    if findings:
        return [], findings
    sources, targets = (ends.get(key, names) for key in ("from", "to"))
    if len(sources) * len(targets) > _MOST:
        return [], [Finding(("pairs",), _too_many(len(sources) * len(targets)))]
    pairs = list(dict.fromkeys((s, t) for s in sources for t in targets if s != t))
    if not pairs:
        findings = [Finding(("pairs",), "no source has a target but itself; list [[task, task]]")]
    return pairs, findings


def unknown_method(name: Any) -> str:
    """What to say of a method that there is not."""
    from raytd.methods.registry import METHODS

    hint = did_you_mean(name, METHODS) if isinstance(name, str) else ""
    return f"unknown method {show(name)}" + (hint or f"; there are {', '.join(METHODS)}")


def check_methods(written: Any) -> tuple[list[str], list[Finding]]:
    """The listed methods that exist, each once."""
    from raytd.methods.registry import METHODS

    findings = check_list(written, ("methods",), "methods")
    methods: list[str] = []
    for i, name in enumerate(written if isinstance(written, list) else []):
        at: KeyPath = ("methods", i)
        if not isinstance(name, str) or name not in METHODS:
            findings.append(Finding(at, unknown_method(name)))
        elif name in methods:
            findings.append(Finding(at, f"the method {name} a second time"))
        else:
            methods.append(name)
    return methods, findings

"""Profiles: the variants of one sweep file, and the choice between them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from raytd.sweep.document.wording import did_you_mean, show
from raytd.sweep.document.yaml_data import Entry, Finding, KeyPath, Position

AUTO, NONE, CPU = "auto", "none", "cpu"


@dataclass(frozen=True)
class Profiles:
    """A sweep file with its profiles.

    Attributes:
        base: the file without `profile` and `profiles`.
        entries: what each profile lays over it.
        wanted: the profile that is asked for: a name, `auto` or `none`.
        by: who asks for it, in words.
        findings: the problems.
    """

    base: Entry
    entries: dict[str, Entry]
    wanted: str
    by: str
    findings: tuple[Finding, ...]

    def variant(self, name: str | None) -> Entry:
        """The file with a profile laid over it; None is the file as written."""
        return self.base if name is None else self.base.overlaid(self.entries[name])

    def candidates(self) -> list[str | None]:
        """The variants that may be chosen."""
        if self.wanted == AUTO:
            return [None, CPU] if CPU in self.entries else [None]
        return [self.wanted if self.wanted in self.entries else None]

    def choose(self, has_gpu: Callable[[], bool]) -> tuple[str | None, str]:
        """The variant to use and why; the cluster is asked only where that decides."""
        if self.wanted != AUTO:
            return self.candidates()[0], self.by
        if CPU not in self.entries:
            return None, "the file has no cpu profile"
        return (None, "the cluster has a GPU") if has_gpu() else (CPU, "the cluster has no GPU")


def find_profiles(root: Entry, option: str | None) -> Profiles:
    """Splits a file into its base and its profiles.

    Args:
        root: the file with its overrides.
        option: the profile that the command asks for, None if it leaves the choice to the file.
    """
    entries, findings = _entries(root.find(("profiles",)))
    written = root.find(("profile",))
    path: KeyPath
    if option is not None:
        wanted, by = option, "asked for by --profile"
        path, at = (), Position(f"--profile {option}", (2, 0))
    else:
        value = written.plain() if written else None
        wanted, by = AUTO if value is None else value, "asked for in the file"
        path, at = ("profile",), None
    if wanted not in (AUTO, NONE, *entries):
        findings.append(Finding(path, _unknown(wanted, list(entries)), at))
        wanted = AUTO
    base = root.without("profile", "profiles")
    return Profiles(base, entries, wanted, by, tuple(findings))


def _entries(profiles: Entry | None) -> tuple[dict[str, Entry], list[Finding]]:
    if profiles is None or profiles.value is None:
        return {}, []
    if not isinstance(profiles.value, dict):
        message = f"must be a mapping of profiles, not {show(profiles.plain())}"
        return {}, [Finding(("profiles",), message)]
    entries, findings = {}, []
    for name, entry in profiles.value.items():
        if name in (AUTO, NONE):
            findings.append(Finding(("profiles", name), f"'{name}' cannot be a profile's name"))
        elif not isinstance(entry.value, dict):
            message = f"must be a mapping of keys, not {show(entry.plain())}"
            findings.append(Finding(("profiles", name), message))
        else:
            inner = [key for key in ("profile", "profiles") if key in entry.value]
            findings += [Finding(("profiles", name, k), "cannot stand in a profile") for k in inner]
            entries[name] = entry.without(*inner)
    return entries, findings


def _unknown(name: Any, names: list[str]) -> str:
    there = ", ".join([AUTO, NONE, *names])
    hint = did_you_mean(name, [AUTO, NONE, *names]) if isinstance(name, str) else ""
    return f"unknown profile {show(name)}; there are {there}{hint}"

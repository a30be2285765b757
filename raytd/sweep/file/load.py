"""Loading a sweep file: profile, overrides, checks, and every problem at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from raytd.errors import RequestError
from raytd.sweep.document.given_data import document_of
from raytd.sweep.document.profiles import NONE, Profiles, find_profiles
from raytd.sweep.document.reading import each_file_once
from raytd.sweep.document.wording import show, shown
from raytd.sweep.document.yaml_data import (
    Document,
    Entry,
    Finding,
    Position,
    read_document,
    read_override,
)
from raytd.sweep.file.check import check
from raytd.sweep.file.spec import SweepSpec
from raytd.sweep.file.written_names import with_texts
from raytd.words import one_line


@dataclass(frozen=True)
class LoadedSweep:
    """A sweep that was read from a file.

    Attributes:
        spec: the sweep, with its profile and overrides applied.
        path: of the file; `raytd.sweep` where it was given as data.
        text: of the file, as it was read, or of a file that says the same as the data.
        profile: name of the profile that was applied, None for the file as written.
        reason: why that one, in words.
        root: what was written, with positions.
    """

    spec: SweepSpec
    path: Path
    text: bytes
    profile: str | None
    reason: str
    root: Entry


@each_file_once()
def load_sweep(
    asked: Path | str | Mapping[str, Any],
    *,
    profile: str | None = None,
    overrides: Sequence[str] = (),
    has_gpu: Callable[[], bool],
) -> LoadedSweep:
    """Reads and checks a sweep file; it and its catalogue are read once.

    Args:
        asked: the file, `-` for standard input, or what would stand in one.
        profile: `auto`, `none` or the name of a profile; None takes the file's own choice.
        overrides: `key.path=value`, laid over the profile in this order.
        has_gpu: whether the cluster has a GPU; asked only where the answer decides.

    Raises:
        RequestError: with every problem, in the order of their positions.
    """
    path, document = _document(asked)
    options, problems = _read_overrides(overrides)
    report = _Report([*document.findings, *problems])
    report.add(document.root, [*document.findings, *problems])
    if not isinstance(document.root.value, dict):
        report.add(document.root, [Finding((), _no_sweep(document.root.plain()))])
        report.fail()
    as_written = find_profiles(document.root, NONE)
    for name in as_written.entries:
        variant = _check_variant(as_written, name, options.without(*options.value))
        report.add(variant.root, variant.own)
    profiles = find_profiles(document.root.overlaid(options), profile)
    report.add(document.root.overlaid(options), profiles.findings)
    chosen, reason = _choose(profiles, options.without("profile", "profiles"), report, has_gpu)
    if chosen.spec is None or report.lines:
        report.add(chosen.root, chosen.findings)
        report.fail()
    return LoadedSweep(chosen.spec, path, document.text, chosen.name, reason, chosen.root)


def _document(asked: Path | str | Mapping[str, Any]) -> tuple[Path, Document]:
    """What was written, and the path that names it."""
    if isinstance(asked, Mapping):
        caller = "raytd.sweep"
        return Path(caller), with_texts(document_of(asked, caller))
    return Path(asked), with_texts(read_document(Path(asked)))


def make_spec(
    content: Mapping[str, Any],
    *,
    caller: str,
    base: Entry | None = None,
    overrides: Sequence[str] = (),
) -> SweepSpec:
    """The sweep that plain data asks for, with the keys of a sweep file.

    Args:
        content: keys and values, dotted or nested.
        caller: what problems name as their place.
        base: what was read from a file, with `content` laid over it.
        overrides: `key.path=value`, laid over both.

    Raises:
        RequestError: with every problem.
    """
    options, problems = _read_overrides(overrides)
    root = Entry.of(content, Position(caller))
    root = (root if base is None else base.overlaid(root)).overlaid(options)
    report = _Report(problems)
    spec, findings = check(root)
    report.add(root, [*problems, *findings])
    if spec is None or report.lines:
        report.fail()
    return spec


@dataclass(frozen=True)
class _Variant:
    """The file with one of its profiles, checked.

    Attributes:
        name: of the profile, None for the file as written.
        root: the merged file.
        spec: what it asks for, None if it is wrong.
        findings: what is wrong with it.
        own: the part of that which the file as written does not have.
    """

    name: str | None
    root: Entry
    spec: SweepSpec | None
    findings: list[Finding]
    own: list[Finding]


def _choose(
    profiles: Profiles, options: Entry, report: "_Report", has_gpu: Callable[[], bool]
) -> tuple[_Variant, str]:
    """The variant to run and why; the cluster is not asked if no answer would help."""
    variants = {name: _check_variant(profiles, name, options) for name in profiles.candidates()}
    if report.lines or all(variant.spec is None for variant in variants.values()):
        for variant in variants.values():
            report.add(variant.root, variant.findings)
        report.fail()
    name, reason = profiles.choose(has_gpu)
    return variants[name], reason


def _check_variant(profiles: Profiles, name: str | None, options: Entry) -> _Variant:
    root = profiles.variant(name).overlaid(options)
    spec, findings = check(root)
    if name is None:
        return _Variant(name, root, spec, findings, [])
    _, known = check(profiles.base.overlaid(options))
    own = [finding for finding in findings if finding not in known]
    noted = {
        finding: replace(finding, message=f"{finding.message} (with profile {name})")
        for finding in own
        if profiles.entries[name].find(finding.path) is None
    }
    findings, own = ([noted.get(f, f) for f in group] for group in (findings, own))
    return _Variant(name, root, spec, findings, own)


def _no_sweep(content: Any) -> str:
    if content is None:
        return "the file is empty; a sweep has at least name, tasks and methods"
    return f"must be a mapping of keys, not {show(content)}"


def _read_overrides(texts: Sequence[str]) -> tuple[Entry, list[Finding]]:
    """The overrides laid over one another, and what is wrong with their texts."""
    options, findings = Entry({}, Position("--set", (1, 0))), list[Finding]()
    for number, text in enumerate(texts):
        document = with_texts(read_override(text, number))
        options = options.overlaid(document.root)
        findings += document.findings
    return options, findings


class _Report:
    """Lines of problems with their rank.

    Args:
        textual: problems of the texts themselves: a value that could not be read is not judged.
    """

    def __init__(self, textual: Iterable[Finding]) -> None:
        self.lines: dict[str, tuple[int, int]] = {}
        paths = {finding.path for finding in textual}
        self._unread = paths | {path[2:] for path in paths if path[:1] == ("profiles",)}
        self._unread.discard(())

    def add(self, root: Entry, findings: Iterable[Finding]) -> None:
        """Adds findings about the entries below `root`."""
        for finding in findings:
            if finding.at is None and finding.path in self._unread:
                continue
            at = finding.at or root.position(finding.path)
            path = shown(finding.path)
            place = at.text if not path or at.text.endswith(f" {path}") else f"{at.text} {path}"
            self.lines[one_line(f"{place}  {finding.message}")] = at.rank

    def fail(self) -> NoReturn:
        """Raises all lines in the order of their positions."""
        raise RequestError(sorted(self.lines, key=lambda line: self.lines[line]))

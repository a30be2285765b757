"""The tasks that a user names on the command line: folders, files, and names of the catalogue."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

from raytd.errors import DataError
from raytd.paths import expanded
from raytd.sweep.document.wording import did_you_mean
from raytd.tasks.readers import idx
from raytd.tasks.readers.encoded import is_image_name
from raytd.tasks.readers.parquet.files import is_parquet_name
from raytd.tasks.readers.walk import Walk
from raytd.tasks.references import find, identity_of, is_reference
from raytd.tasks.spec import TaskSpec

OPTIONS = ("--source", "--target")
"""What a user calls the two ends of a transfer."""

_ENDINGS = {".parquet": "parquet", ".npz": "npz"}


@dataclass(frozen=True)
class End:
    """A source or a target.

    Attributes:
        written: as the user wrote it.
        place: where it lies; the same for two ways to write it.
        spec: the task, with all of its images.
        by_name: whether the catalogue has it, so that a sweep file may call it by its name.
    """

    written: str
    place: str
    spec: TaskSpec
    by_name: bool = False


@dataclass(frozen=True)
class Ends:
    """Sources and targets; a task may be both.

    Attributes:
        all: each task once.
        sources: their names.
        targets: likewise.
    """

    all: tuple[End, ...]
    sources: tuple[str, ...]
    targets: tuple[str, ...]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every source with every target but itself."""
        return [(s, t) for s in self.sources for t in self.targets if s != t]


def find_ends(
    sources: Sequence[str],
    targets: Sequence[str],
    known: Mapping[str, TaskSpec],
    root: Path,
    options: tuple[str, str] = OPTIONS,
) -> tuple[Ends, list[str]]:
    """The tasks that are meant, with names that differ, and what is wrong with the words.

    Args:
        sources: as the user wrote them.
        targets: likewise.
        known: the tasks that have a name.
        root: folder of the data sets.
        options: what problems call sources and targets.
    """
    found: dict[str, End] = {}
    places: dict[str, dict[str, None]] = {option: {} for option in options}
    problems = []
    for option, words in zip(options, (sources, targets), strict=True):
        if not words:
            problems.append(f"{option} is missing; name a folder, a file, or a task of raytd tasks")
        for word in words:
            try:
                end = _end(word, known, root)
            except DataError as error:
                problems.append(f"{option} {word}: {error}")
                continue
            if end.place in places[option]:
                problems.append(f"{option} {word}: given twice ({found[end.place].written})")
            found.setdefault(end.place, end)
            places[option][end.place] = None
    named = _named(found)
    ends = Ends(
        tuple(named.values()),
        *(tuple(named[place].spec.name for place in places[option]) for option in options),
    )
    if not problems and not ends.pairs:
        problems = [f"{' and '.join(options)} are both {sources[0]}; name another one of them"]
    return ends, problems


def _end(word: str, known: Mapping[str, TaskSpec], root: Path) -> End:
    """The task that a word stands for, by a name that another task may have as well.

    Raises:
        DataError: in one line, if it stands for nothing, or for two things.
    """
    path = expanded(word)
    if word in known and path.exists() and not _lies_at(known[word], path, root):
        raise DataError(
            f"is the name of a task, and lies in this folder, too; write ./{word} for what lies "
            "here, or start raytd in another folder for the task"
        )
    if word in known:
        return End(word, word, known[word], by_name=True)
    reference = word if is_reference(word) else f"{_kind(word, path, known)}:{_from_here(word)}"
    there = find(reference, root)
    place = reference if there is None else os.path.realpath(there.path)
    spec = TaskSpec(name="task", dataset=reference)
    last = _path(spec)
    called = last.stem if last.suffix in _ENDINGS else last.name
    name = plain(called)
    known_as = None if identity_of(reference) == called else name
    return End(word, place, spec.model_copy(update={"name": name, "known_as": known_as}))


def is_path(word: str) -> bool:
    """Whether a word may be more than the name of a task: it lies here, or looks like a path."""
    looks_like_one = "/" in word or Path(word).suffix.lower() in _ENDINGS
    return looks_like_one or is_reference(word) or expanded(word).exists()


def _lies_at(spec: TaskSpec, path: Path, root: Path) -> bool:
    there = find(spec.dataset, root)
    return there is not None and os.path.realpath(there.path) == os.path.realpath(path)


def _kind(word: str, path: Path, known: Iterable[str]) -> str:
    """The kind of data that lies at a path."""
    if not path.exists():
        names = f"nor a task of the catalogue{did_you_mean(word, known)}"
        raise DataError(f"no such file or folder, {names}")
    if not path.is_dir():
        kind = _ENDINGS.get(path.suffix.lower())
        if kind is None:
            raise DataError("neither a folder nor a file that ends in .parquet or .npz")
        return kind
    if idx.is_there(path):
        return "idx"
    walk = Walk(path)
    images, tables = (walk.holds(path, is_, below=True) for is_ in (is_image_name, is_parquet_name))
    if images and tables:
        raise DataError(
            f"holds image files and Parquet files; write folder:{_from_here(word)} or "
            f"parquet:{_from_here(word)}"
        )
    return "parquet" if tables else "folder"


def _from_here(word: str) -> str:
    """A path as a sweep file has it from the working directory, and not from the data root.

    Raises:
        DataError: if a file that is text cannot hold it.
    """
    if not word.isprintable():
        raise DataError("the path has characters that no text shows; rename it")
    if word.startswith(("/", "~")):
        return word.rstrip("/") or "/"
    path = os.path.normpath(word)
    return path if path.split("/")[0] in (".", "..") else f"./{path}"


def plain(text: str) -> str:
    """A text in the letters that the name of a task may have."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", letters).strip("-._") or "task"


def _named(found: Mapping[str, End]) -> dict[str, End]:
    """The tasks with names of their own, and classes that no two of them share by chance.

    The name of a folder that another task has as well is led by that of the folder above it, or
    else followed by a number.
    """
    taken = {end.spec.name for end in found.values() if end.by_name}
    counts = Counter(end.spec.name for end in found.values())
    named: dict[str, End] = {}
    for place, end in found.items():
        name = end.spec.name
        if not end.by_name:
            if counts[name] > 1:
                name = f"{plain(_path(end.spec).parent.name)}-{name}"
            others = (f"{name}-{number}" for number in count(2))
            name = next(n for n in chain([name], others) if n not in taken)
            taken.add(name)
        named[place] = replace(end, spec=end.spec.model_copy(update={"name": name}))
    identities = Counter(end.spec.identity for end in found.values())
    return {place: _apart(end, identities) for place, end in named.items()}


def _path(spec: TaskSpec) -> Path:
    """Where its files lie, without dots; of a path below the data root only the end is right."""
    return Path(os.path.abspath(expanded(spec.dataset.partition(":")[2])))


def _apart(end: End, identities: Mapping[str, int]) -> End:
    """The task under an identity of its own where its path ends like that of another one."""
    if end.by_name or ":" not in end.spec.dataset or identities[end.spec.identity] < 2:
        return end
    name = end.spec.name
    known_as = f"own-{name}" if name in identities else name
    return replace(end, spec=end.spec.model_copy(update={"known_as": known_as}))

"""What a user wants a sweep file for, and everything that is wrong with that at once."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from raytd.errors import DataError, RequestError
from raytd.models import zoo
from raytd.sweep.draft.ends import Ends, find_ends, plain
from raytd.sweep.draft.place import problems_with
from raytd.sweep.draft.supply import Supply, read_supply
from raytd.sweep.draft.text import Draft
from raytd.sweep.file.catalogue_file import load_catalogue
from raytd.sweep.file.shipped import editor_line
from raytd.sweep.trials.plan import Read
from raytd.tasks.references import data_root
from raytd.words import one_line

_LONGEST = 60
"""Letters of a name that is made of those of targets."""


@dataclass(frozen=True)
class Asked:
    """The words of `raytd init`.

    Attributes:
        sources: folders, files or names of tasks.
        targets: likewise.
        models: networks to compare.
        out: the file that is wanted; None leaves its name open.
        force: whether a file that is there is replaced.
        data: root of the data sets.
        catalogue: a file of further tasks.
        download: whether what is missing may be fetched.
        writes: whether a file is wanted at all.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    models: tuple[str, ...] = ()
    out: Path | None = None
    force: bool = False
    data: Path | None = None
    catalogue: Path | None = None
    download: bool = False
    writes: bool = True

    def command(self) -> str:
        """All of it as one line for a shell."""
        words = ["raytd", "init"]
        given = {"source": self.sources, "target": self.targets, "model": self.models}
        for option, values in given.items():
            words += [word for value in values for word in (f"--{option}", value)]
        paths = {"out": self.out, "data": self.data, "catalogue": self.catalogue}
        for option, path in paths.items():
            words += [] if path is None else [f"--{option}", str(path)]
        return shlex.join([*words, *(["--download"] if self.download else [])])

    def settings(self) -> dict[str, str | bool]:
        """What a sweep file says of where data come from."""
        said: dict[str, str | bool] = {"download": True} if self.download else {}
        return said if self.catalogue is None else {**said, "catalogue": str(self.catalogue)}


def draft_of(asked: Asked, read: Read) -> tuple[Path, Draft]:
    """Looks at the data; the file that is to be written, and what it says.

    Args:
        asked: by the user.
        read: reads a data set.

    Raises:
        RequestError: with all problems, one line each.
    """
    root = data_root(asked.data)
    ends, problems = _ends(asked)
    problems += _model_problems(asked.models)
    out = _file(asked, ends)
    if asked.writes and (asked.out or ends.targets):
        problems += problems_with(out, force=asked.force)
    supplies, unread = _supplies(ends, root, read, download=asked.download)
    if problems or unread:
        raise RequestError(problems + unread)
    runs = ["raytd", "sweep", str(out)]
    runs += [] if asked.data is None else ["--data", str(asked.data)]
    name = plain(out.stem)[:100]
    return out, Draft(
        name=f"{name}-sweep" if name == "sources" else name,
        editor=editor_line(out.parent),
        made_by=asked.command(),
        runs=shlex.join(runs),
        supplies=tuple(supplies),
        sources=ends.sources,
        targets=ends.targets,
        models=asked.models,
        data=asked.settings(),
    )


def made_before(asked: Asked) -> Path | None:
    """The file that the same words have made, if it is there: it is kept with its changes."""
    ends, problems = _ends(asked)
    file, command = _file(asked, ends), one_line(asked.command())
    if problems or not file.is_file():
        return None
    text = file.read_text(encoding="utf-8", errors="replace")
    return file if f"#   {command}" in text.splitlines() else None


def _ends(asked: Asked) -> tuple[Ends, list[str]]:
    known = load_catalogue(asked.catalogue)
    return find_ends(asked.sources, asked.targets, known, data_root(asked.data))


def _file(asked: Asked, ends: Ends) -> Path:
    return asked.out or Path(f"to-{'-'.join(ends.targets)}"[:_LONGEST].rstrip("-._") + ".yaml")


def _supplies(
    ends: Ends, root: Path, read: Read, *, download: bool
) -> tuple[list[Supply], list[str]]:
    """What there is of each task, and what speaks against some."""
    supplies, problems = list[Supply](), dict[str, None]()
    for end in ends.all:
        try:
            supplies.append(read_supply(end, root, read, download=download))
        except DataError as error:
            problems[f"{end.written}: {error}"] = None
    return supplies, list(problems)


def _model_problems(models: Sequence[str]) -> list[str]:
    problems, known = list[str](), set[str]()
    for model in models:
        problem = zoo.problem_with(model)
        if problem is not None:
            near = zoo.nearest(model)
            hint = f"; did you mean '{near}'?" if near else ""
            problems.append(f"--model {model}: {problem}{hint}")
        elif zoo.canonical(model) in known:
            problems.append(f"--model {model}: given twice")
        else:
            known.add(zoo.canonical(model))
    return problems

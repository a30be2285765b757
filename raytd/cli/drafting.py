"""Data of a user's own on the command line: looked at, and put into a sweep that fits."""

import shlex
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any, TypeVar

import click

from raytd.cli.views.events import View, doing
from raytd.cli.views.standing import duration

if TYPE_CHECKING:
    from raytd.sweep.cluster.connection import Node
    from raytd.sweep.draft.asked import Asked
    from raytd.sweep.draft.sized import Sized
    from raytd.sweep.draft.smaller import Smaller
    from raytd.sweep.draft.text import Draft
    from raytd.sweep.file.spec import SweepSpec

F = TypeVar("F", bound=Callable[..., Any])

TOO_LONG = (
    "That is more than five minutes with the least that is sensible: fewer sources, targets or "
    "networks are quicker."
)


def draft_options(function: F) -> F:
    """`--source`, `--target` and `--model`."""
    decorators = (
        click.option(
            "--source",
            "sources",
            multiple=True,
            metavar="DATA",
            help="Where transfer could start: a folder with one folder for each class, a Parquet "
            "or npz file, or a task that raytd tasks lists; repeatable.",
        ),
        click.option(
            "--target",
            "targets",
            multiple=True,
            metavar="DATA",
            help="Where it should go; repeatable.",
        ),
        click.option(
            "--model",
            "models",
            multiple=True,
            help="A network; several are compared.  [default: cnn8]",
        ),
    )
    for decorate in reversed(decorators):
        function = decorate(function)
    return function


def drafted(
    asked: "Asked",
    view: View,
    nodes: "list[Node]",
    spec_of: "Callable[[Draft, Path], SweepSpec] | None" = None,
) -> "tuple[Path, Draft, Sized]":
    """Looks at the data; where the file goes, what it says, and how much fits.

    Args:
        asked: by the user.
        view: is told what was read, and what is being timed.
        nodes: what this machine has for the sweep.
        spec_of: the sweep that is to fit, from the drafted file; None is the file's quick profile.
    """
    from raytd.paths import make_temporary_folder
    from raytd.sweep.draft.asked import draft_of
    from raytd.sweep.draft.sized import quick_spec, sized
    from raytd.tasks import datasets
    from raytd.tasks.references import data_root

    read, folder = cache(datasets.read), make_temporary_folder("raytd-init-")
    try:
        doing(view, "reading the data")
        out, draft = draft_of(asked, read)
        for line in dict.fromkeys(line for supply in draft.supplies for line in supply.said):
            view.show("data", {"message": line})
        found = sized(
            draft,
            folder=folder,
            data=data_root(asked.data),
            nodes=nodes,
            read=read,
            tell=partial(doing, view),
            spec_of=quick_spec if spec_of is None else partial(spec_of, draft),
        )
    finally:
        rmtree(folder, ignore_errors=True)
    return out, draft, found


def written(asked: "Asked", view: View) -> "tuple[Path, Draft, Sized]":
    """The same for the machine without its GPUs, with the file written."""
    from raytd.sweep.cluster.connection import local_nodes
    from raytd.sweep.draft.place import write

    nodes = [{**node, "GPU": 0.0} for node in local_nodes()]
    out, draft, found = drafted(asked, view, nodes)
    write(out, found.text, force=asked.force)
    return out, draft, found


def own_file(asked: "Asked", view: View) -> Path:
    """A sweep file for the data: the one that the same words made before, or else a new one."""
    from raytd.sweep.draft.asked import made_before

    known = made_before(asked)
    if known is not None:
        line = f"{known} is there, made of the same sources and targets, and is kept as it is"
        view.show("file", {"message": line})
        return known
    out, _, found = written(asked, view)
    view.show("file", {"message": f"{out}  {found.summary}"})
    if not found.fits:
        view.show("warning", {"message": TOO_LONG})
    return out


def shorter(found: "Smaller | None", budget_s: float) -> str | None:
    """How a sweep that takes too long ends sooner, in words."""
    if found is None:
        return None
    words = shlex.join(word for setting in found.settings for word in ("--set", setting))
    still = "" if found.duration_s <= budget_s else "still "
    return f"{still}about {duration(found.duration_s)} with {words}"

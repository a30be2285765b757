"""`raytd init`: a sweep file for a user's own data, or a copy of one that raytd brings."""

from functools import cache, partial
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

import click

from raytd.cli import options
from raytd.cli.events import doing, opened
from raytd.cli.terminal import open_console, open_table
from raytd.errors import RequestError

if TYPE_CHECKING:
    from raytd.sweep.draft.sized import Sized
    from raytd.sweep.draft.text import Draft


@click.command("init")
@click.argument("name", required=False)
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="DATA",
    help="Where transfer could start: a folder with one folder for each class, a Parquet or npz "
    "file, or a task that raytd tasks lists; repeatable.",
)
@click.option(
    "--target", "targets", multiple=True, metavar="DATA", help="Where it should go; repeatable."
)
@click.option(
    "--model", "models", multiple=True, help="A network; several are compared.  [default: cnn8]"
)
@click.option(
    "--out",
    type=options.UserPath(),
    metavar="FILE",
    help="The file to write.  [default: to-TARGET.yaml, or NAME.yaml]",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@options.data
@options.catalogue
@options.download
def command(name: str | None, *, out: Path | None, force: bool, **given: Any) -> None:
    """Write a sweep file for data of your own, or copy one that raytd brings.

    With --source and --target: looks at the data, writes a sweep file with comments, and sizes it
    for a first answer within five minutes on this machine, as raytd plan estimates. Networks are
    timed for some seconds each.

    With NAME: copies that sweep, such as quickstart, into the current folder. Without anything:
    lists the sweeps that raytd brings.
    """
    if name is None and not any(given.values()):
        _list()
    elif name is None:
        _write_own({**given, "out": out, "force": force})
    elif any(given.values()):
        raise RequestError(
            "give NAME for a copy of a sweep that raytd brings, or --source and --target for your "
            "own data, not both"
        )
    else:
        _copy(name, out, force=force)


def _list() -> None:
    """The sweeps that raytd brings."""
    from raytd.sweep.file.shipped import shipped

    table = open_table("sweep", "what it is for")
    for sweep in shipped().values():
        table.add_row(sweep.name, sweep.about)
    console = open_console()
    console.print(table)
    console.print("run one             raytd sweep quickstart")
    console.print("copy one here       raytd init quickstart")
    console.print("make one of yours   raytd init --source ./a --source ./b --target ./c")


def _copy(name: str, out: Path | None, *, force: bool) -> None:
    from raytd.sweep.draft.place import problems_with, write
    from raytd.sweep.file.shipped import named

    sweep = named(name)
    file = out or Path(sweep.path.name)
    if problems := problems_with(file, force=force):
        raise RequestError(problems)
    write(file, sweep.copy_for(file), force=force)
    click.echo(f"{file}: {sweep.about}\nnext  raytd sweep {file}")


def _write_own(given: dict[str, Any]) -> None:
    """Looks at the user's data, and writes a file that fits them and this machine."""
    from raytd.paths import make_temporary_folder
    from raytd.sweep.cluster.connection import local_nodes
    from raytd.sweep.draft.asked import Asked, draft_of
    from raytd.sweep.draft.place import write
    from raytd.sweep.draft.sized import sized
    from raytd.tasks import datasets
    from raytd.tasks.references import data_root

    asked, read, (node,) = Asked(**given), cache(datasets.read), local_nodes()
    folder = make_temporary_folder("raytd-init-")
    try:
        with opened("auto") as view:
            doing(view, "reading the data")
            out, draft = draft_of(asked, read)
            for line in dict.fromkeys(line for s in draft.supplies for line in s.said):
                view.show("data", {"message": line})
            found = sized(
                draft,
                folder=folder,
                data=data_root(asked.data),
                nodes=[{**node, "GPU": 0.0}],
                read=read,
                tell=partial(doing, view),
            )
    finally:
        rmtree(folder, ignore_errors=True)
    write(out, found.text, force=asked.force)
    _tell(draft, found, out, has_gpu=node["GPU"] > 0)


def _tell(draft: "Draft", found: "Sized", out: Path, *, has_gpu: bool) -> None:
    """What was written, and the next command."""
    console = open_console()
    first = f"{draft.runs} --profile cpu" if has_gpu else draft.runs
    console.print(f"{out}  {found.summary}", soft_wrap=True)
    if not found.fits:
        console.print(
            "That is more than five minutes with the least that is sensible: fewer sources, "
            "targets or networks are quicker."
        )
    console.print(f"next  {first}", soft_wrap=True)
    if has_gpu:
        console.print(f"then  {draft.runs}, which uses the GPU", soft_wrap=True)
    for line in draft.answers:
        console.print(f"then  {line}", soft_wrap=True)

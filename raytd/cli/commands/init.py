"""`raytd init`: a sweep file for a user's own data, or a copy of one that raytd brings."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from raytd.cli import options
from raytd.cli.drafting import TOO_LONG, draft_options, written
from raytd.cli.terminal import open_console, open_table
from raytd.cli.views.events import opened
from raytd.errors import RequestError

if TYPE_CHECKING:
    from raytd.sweep.draft.sized import Sized
    from raytd.sweep.draft.text import Draft


@click.command("init")
@click.argument("name", required=False)
@draft_options
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
    from raytd.sweep.draft.asked import Asked

    with opened("auto") as view:
        out, draft, found = written(Asked(**given), view)
    _tell(draft, found, out)


def _tell(draft: "Draft", found: "Sized", out: Path) -> None:
    """What was written, and the next command."""
    from raytd.sweep.cluster.connection import local_nodes
    from raytd.sweep.draft.sized import QUICK

    has_gpu = local_nodes()[0]["GPU"] > 0
    lines = [f"{out}  {found.summary}", *([] if found.fits else [TOO_LONG])]
    lines.append(f"next  {draft.runs}{f' --profile {QUICK}' if has_gpu else ''}")
    lines += [f"then  {draft.runs}, which asks the GPU for more"] if has_gpu else []
    lines += [f"then  {line}" for line in draft.answers]
    open_console().print("\n".join(lines), soft_wrap=True)

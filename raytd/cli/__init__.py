"""What does the command line share? Commands are loaded when they are called: `--help` is quick."""

import importlib
import sys
from typing import TYPE_CHECKING, Any

import click

from raytd.cli.interruption import (
    Interrupted,
    Interruption,
    ended_in_order,
    remembered,
)
from raytd.cli.streams import drop_lost_output, prepare_streams
from raytd.cli.versions import version_option
from raytd.errors import RaytdError
from raytd.words import one_line

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_ROOMS = {"submit": "jobs", "logs": "jobs", "status": "status"}
"""Where commands stand that are not in `commands`."""

_COMMANDS = {
    "init": "A sweep file for data of your own, or a copy of one that raytd brings.",
    "plan": "What a sweep would do, how long it would take, what it would cost.",
    "sweep": "Run what is missing of a sweep, and show its table.",
    "distance": "The distance between two tasks, in this process.",
    "schema": "The JSON Schema of sweep files, for editors.",
    "submit": "Run a sweep as a job of a Ray cluster; this machine may go away.",
    "status": "How far the sweeps of a storage are, or those on a cluster.",
    "logs": "What a sweep on a cluster has said.",
    "sync": "Send to the tracking server what it has not got of a sweep.",
    "doctor": "Whether everything that a sweep needs is there.",
    "results": "The table of trials of a sweep.",
    "compare": "The same pairs side by side along one axis, such as the model.",
    "report": "Figures of a sweep, and one page with everything.",
    "judge": "Every method against measured transfer.",
    "recommend": "Sources and networks ranked for a target, with the evidence.",
    "methods": "Every distance: its unit, what it reads, what it costs.",
    "columns": "What stands in each column of the results.",
    "tasks": "The tasks that have a name; one of them with its classes and images.",
}


class _Lazy(click.Group):
    """A group whose commands are imported when they are called, and listed without it."""

    def invoke(self, ctx: click.Context) -> Any:
        return ended_in_order(
            lambda: super(_Lazy, self).invoke(ctx), ctx.ensure_object(Interruption)
        )

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        room = _ROOMS.get(cmd_name, "commands")
        command: click.Command = importlib.import_module(f"raytd.cli.{room}.{cmd_name}").command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        begun = [name for name in _COMMANDS if name.startswith(incomplete)]
        own = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=_COMMANDS[name]) for name in begun), *own]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], _COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise click.UsageError(f"No such command '{args[0]}'.{hint}", ctx) from error


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@version_option
def cli() -> None:
    """Information-geometric distances between learning tasks, on Ray, tracked by MLflow."""


def main(args: list[str] | None = None) -> Any:
    """Runs the command line and exits.

    Exit codes: 0 all done; 1 something failed; 2 the request is wrong and nothing was started;
    129, 130, 143 ended by SIGHUP, Ctrl-C, SIGTERM; 141 nobody reads standard output any more.
    """
    words = sys.argv[1:] if args is None else args
    prepare_streams()
    with remembered(words) as interruption:
        try:
            code = cli.main(args=words, prog_name="raytd", standalone_mode=False, obj=interruption)
            sys.stdout.flush()
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        except (Interrupted, click.Abort, KeyboardInterrupt):
            if not interruption.told:
                click.echo(interruption.line(), err=True)
            code = interruption.exit_code
        except RaytdError as error:
            for line in getattr(error, "problems", None) or str(error).splitlines():
                click.echo(one_line(line), err=True)
            code = error.exit_code
        drop_lost_output()
    sys.exit(code if isinstance(code, int) else 0)

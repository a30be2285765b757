"""`raytd status [NAME]`: how the sweeps of a storage are doing, or the jobs of a cluster."""

import sys
from typing import Any

import click

from raytd.cli import options
from raytd.cli.completion import complete_sweep
from raytd.errors import RequestError
from raytd.storage.path import StoragePath


@click.command("status")
@click.argument("name", required=False, shell_complete=complete_sweep)
@options.storage
@click.option(
    "--address",
    metavar="URL",
    help="Ask the job server of a Ray cluster instead, as http://127.0.0.1:8265: NAME is a job.",
)
@options.as_json
@click.pass_context
def command(
    context: click.Context,
    name: str | None,
    *,
    storage: StoragePath,
    address: str | None,
    as_json: bool,
) -> None:
    """Show how far every sweep of the storage is, or one of them in detail.

    NAME is the name of a sweep, its file, or its folder. Only files are looked at, and nothing is
    written. With --address the jobs of a Ray cluster are shown that are sweeps, and NAME is a job.

    With NAME the exit code is 1 if a trial of the sweep failed, or the job failed or was stopped.
    """
    if address is not None:
        if _is_given(context, "storage"):
            raise RequestError(
                "--address asks a Ray cluster and --storage a folder: give one of the two"
            )
        from raytd.cli.status.jobs import show_jobs

        sys.exit(show_jobs(name, address, as_json=as_json))
    from raytd.cli.status.sweeps import show_sweep, show_sweeps

    if name is None:
        show_sweeps(storage, as_json=as_json)
    else:
        sys.exit(show_sweep(name, storage, as_json=as_json))


def _is_given(context: click.Context, option: str) -> Any:
    return context.get_parameter_source(option) is not click.core.ParameterSource.DEFAULT

"""`raytd recommend SWEEP [--target TASK]`: what to transfer from, with the evidence."""

import json

import click

from raytd.cli import options
from raytd.cli.completion import complete_method, complete_task
from raytd.cli.terminal import open_console
from raytd.storage.path import StoragePath


@click.command("recommend")
@options.sweep
@click.option(
    "--target",
    metavar="TASK",
    shell_complete=complete_task,
    help="The task to transfer to.  [default: a line for each that has several sources]",
)
@options.storage
@click.option(
    "--method",
    metavar="METHOD",
    shell_complete=complete_method,
    help="What ranks.  [default: the method that agrees best with the truth here; where none was "
    "judged, the one that the shipped suites speak for]",
)
@click.option(
    "--value",
    metavar="COLUMN",
    help="Such as noise_free_length.  [default: what the method returns, or was judged best by]",
)
@click.option(
    "--truth",
    metavar="METHOD",
    shell_complete=complete_method,
    help="What methods are judged by.  [default: transfer, or finetune without it]",
)
@options.as_json
def command(  # noqa: PLR0913 - one for each option
    sweep: str,
    *,
    target: str | None,
    storage: StoragePath,
    method: str | None,
    value: str | None,
    truth: str | None,
    as_json: bool,
) -> None:
    """Rank sources and networks for a target, nearest first, and say how far to trust that.

    Numbers of different protocols are ranked apart, differences within the error are ties, and
    measured transfer stands beside the prediction. The last line says what to do. Without --target
    there is such a line for each target that has several sources.
    """
    from raytd.report.recommend.advice import advise, advise_all
    from raytd.report.saved import open_sweep

    saved, asked = open_sweep(sweep, storage), {"method": method, "column": value, "truth": truth}
    found = advise_all(saved, **asked) if target is None else advise(saved, target, **asked)
    if as_json:
        click.echo(json.dumps(found.document(), indent=2))
    else:
        found.print_to(open_console())

"""`raytd recommend SWEEP --target TASK`: sources and networks ranked, with the evidence."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from raytd.cli import options
from raytd.cli.completion import complete_method, complete_task
from raytd.cli.terminal import open_console
from raytd.errors import RequestError
from raytd.storage.path import StoragePath

if TYPE_CHECKING:
    from raytd.report.recommend.recommendation import Recommendation
    from raytd.rows.row import Row


@click.command("recommend")
@options.sweep
@click.option(
    "--target",
    required=True,
    metavar="TASK",
    shell_complete=complete_task,
    help="The task to transfer to.",
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
    target: str,
    storage: StoragePath,
    method: str | None,
    value: str | None,
    truth: str | None,
    as_json: bool,
) -> None:
    """Rank sources and networks for a target, nearest first, and say how far to trust that.

    Numbers of different protocols are ranked apart, differences within the error are ties, and
    measured transfer stands beside the prediction. The last line says what to do.
    """
    from raytd.report.recommend.recommendation import court, recommend
    from raytd.report.recommend.text import document, evidence
    from raytd.report.saved import open_sweep

    saved = open_sweep(sweep, storage)
    if truth is not None:
        _check_truth(truth, saved.rows)
    held = court(saved.rows, saved.axes, truth)
    found = recommend(held, target, method=method, column=value)
    said = evidence(found, saved.rows, held.silence)
    if as_json:
        click.echo(json.dumps(document(found, said), indent=2))
    else:
        _print(found, said)


def _check_truth(truth: str, rows: "Sequence[Row]") -> None:
    """Refuses a name that is no method at all; one that was not measured is no evidence."""
    from raytd.methods.registry import METHODS
    from raytd.report.unknown import unknown_choice

    known = list(dict.fromkeys([*(str(row["method"]) for row in rows), *METHODS]))
    if truth not in known:
        what = "there is no such method"
        raise RequestError(
            unknown_choice(truth, known, option="--truth", what=what, kind="methods")
        )


def _print(found: "Recommendation", said: Sequence[str]) -> None:
    """The choice of the method, a table for each ranking, what to know of them, and the answer."""
    from raytd.report.recommend.answer import answer
    from raytd.report.recommend.text import heading, order_lines, table

    console = open_console()
    console.print(found.predictor.why)
    for ranking in found.rankings:
        console.print()
        console.print(heading(found.target, ranking), style="bold")
        console.print(table(found, ranking))
    for line in (*order_lines(found), *said):
        console.print(line)
    console.print()
    console.print(str(answer(found)))

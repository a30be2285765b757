"""`raytd judge SWEEP`: every method against what transfer really gains."""

import json
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from raytd.cli import options
from raytd.cli.completion import complete_method
from raytd.cli.terminal import open_console
from raytd.storage.path import StoragePath

if TYPE_CHECKING:
    from raytd.report.judge.judging import Verdict


@click.command("judge")
@options.sweep
@options.storage
@click.option(
    "--truth",
    default="transfer",
    show_default=True,
    metavar="METHOD",
    shell_complete=complete_method,
    help="The method of the sweep that is taken for the truth.",
)
@click.option(
    "--column",
    default="value",
    show_default=True,
    help="The column of its results that counts, such as gain.",
)
@click.option("--seed", default=0, show_default=True, help="Of drawn permutations and resamples.")
@options.form("csv", "json")
@options.as_json
def command(  # noqa: PLR0913 - one for each option
    sweep: str,
    *,
    storage: StoragePath,
    truth: str,
    column: str,
    seed: int,
    form: str,
    as_json: bool,
) -> None:
    """Judge every method of SWEEP by one of them, network by network.

    Rank correlations over all pairs with their chance under permuted tasks, how good the source is
    that a method calls nearest, how reliable the truth is, what holds for pairs without a shared
    class, and what a trial costs. The sweep's report gets every number as
    judge-TRUTH.csv, a picture of all methods beside it and a scatter plot for each; raytd sync
    sends them to the tracking server.
    """
    from raytd.report.csv_text import as_csv
    from raytd.report.figures.figure import save_figure
    from raytd.report.figures.verdict_overview import verdict_overview
    from raytd.report.figures.verdict_scatter import verdict_scatter
    from raytd.report.judge.judging import judge, left_out
    from raytd.report.saved import open_sweep

    saved = open_sweep(sweep, storage)
    asked: dict[str, Any] = {"truth": truth, "column": column, "axes": saved.axes}
    verdicts = judge(saved.rows, seed=seed, classes=saved.classes, **asked)
    missing = left_out(saved.rows, **asked)
    overview = verdict_overview(verdicts, truth=truth, column=column)
    for figure in (overview, *map(verdict_scatter, verdicts)):
        save_figure(figure, saved.folder / "report")
    if as_json or form == "json":
        silent = [{"contestant": title, "reason": reason} for title, reason in missing]
        document = {"sweep": saved.name, "verdicts": overview.data, "left_out": silent}
        click.echo(json.dumps(document, indent=2))
    elif form == "csv":
        click.echo(as_csv(overview.data), nl=False)
    else:
        _print(verdicts, missing)


def _print(verdicts: "list[Verdict]", missing: "list[tuple[str, str]]") -> None:
    """A table for each truth: one network, one setting; then who is in none."""
    from raytd.report.judge.text import disjoint_legend, disjoint_table, legend, verdicts_table

    console = open_console()
    if not verdicts:
        console.print("no other method has results with the network of the truth")
    for _, group in groupby(verdicts, key=lambda verdict: verdict.truth.title):
        judged = list(group)
        console.print(verdicts_table(judged))
        for line in legend(judged):
            console.print(line)
        if (apart := disjoint_table(judged)) is not None:
            console.print(apart)
            for line in disjoint_legend(judged):
                console.print(line)
    for title, reason in missing:
        console.print(f"no evidence about {title}: {reason}")

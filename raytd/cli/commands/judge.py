"""`raytd judge SWEEP`: every method against what transfer really gains."""

import json

import click

from raytd.cli import options
from raytd.cli.completion import complete_method
from raytd.cli.terminal import open_console
from raytd.storage.path import StoragePath


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
    from raytd.report.judge.judgement import judgement
    from raytd.report.saved import open_sweep

    saved = open_sweep(sweep, storage)
    found = judgement(saved, truth=truth, column=column, seed=seed)
    overview = verdict_overview(found.verdicts, truth=truth, column=column)
    for figure in (overview, *map(verdict_scatter, found.verdicts)):
        save_figure(figure, saved.folder / "report")
    if as_json or form == "json":
        silent = [{"contestant": title, "reason": reason} for title, reason in found.left_out]
        document = {"sweep": saved.name, "verdicts": overview.data, "left_out": silent}
        click.echo(json.dumps(document, indent=2))
    elif form == "csv":
        click.echo(as_csv(overview.data), nl=False)
    else:
        found.print_to(open_console())

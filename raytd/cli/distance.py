"""`raytd distance SOURCE TARGET`: one pair, in this process."""

import json
from pathlib import Path
from typing import Any

import click

from raytd.cli import options


@click.command("distance")
@click.argument("source")
@click.argument("target")
@click.option("--method", default="coupled", show_default=True, help="Name of the method.")
@click.option("--model", help="Name of the model.  [default: cnn8-narrow]")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the run.  [default: 0]")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A sweep file whose settings hold where no option says otherwise.",
)
@options.overrides
@options.data
@options.catalogue
@options.download
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to keep everything in."
)
@options.as_json
def command(
    source: str, target: str, *, method: str, out: Path | None, as_json: bool, **given: Any
) -> None:
    """The distance from the task SOURCE to the task TARGET, with its error figures.

    Tasks are names of the catalogue, such as digits-low, or of the tasks in --config.
    """
    from raytd.cli.output import figures_table, say
    from raytd.engine.executor import run_in_process
    from raytd.methods.score import Score
    from raytd.sweep.ledger import Ledger, iteration_row
    from raytd.sweep.sharing import sharing_notes
    from raytd.sweep.single import single_trial
    from raytd.sweep.trial import run_trial
    from raytd.tasks.account import account_lines

    asked = options.settings_of(catalogue=given["catalogue"], download=given["download"])
    chosen = {key: given[key] for key in ("model", "seed") if given[key] is not None}
    trial = single_trial(
        (source, target),
        {"methods": [method], **chosen},
        config=given["config"],
        data=given["data"],
        overrides=given["overrides"] + asked,
        caller="raytd distance",
    )
    ends = (trial.source, trial.target)
    for line in account_lines(ends) + sharing_notes([ends]):
        say(line)
    result, row = run_trial(
        trial,
        launch=run_in_process,
        sources=None if out is None else out / "sources",
        on_iteration=lambda i: say(
            f"iteration {i.iteration}: distance {i.lengths.distance:.4f} rad, "
            f"target accuracy {i.target_accuracy:.3f}"
        ),
    )
    for warning in result.warnings:
        say(f"warning: {warning}")
    if out is not None:
        iterations = () if isinstance(result, Score) else result.iterations
        lines = [json.dumps(iteration_row(i)) for i in iterations]
        log = "".join(f"{line}\n" for line in [*lines, *(f"warning: {w}" for w in result.warnings)])
        Ledger(out).write_result(row, trial.config.model_dump(mode="json"), result, log)
    if as_json:
        click.echo(json.dumps(row, indent=2))
        return
    from rich.console import Console

    Console().print(figures_table(row))

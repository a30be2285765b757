"""`raytd distance SOURCE TARGET`: one pair, in this process."""

import json
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from raytd.cli import options
from raytd.cli.completion import complete_method
from raytd.cli.terminal import open_console

if TYPE_CHECKING:
    from raytd.cli.views.events import View
    from raytd.engine.records import Iteration
    from raytd.learning.places import TrainingPlace
    from raytd.learning.sources import Origin
    from raytd.methods.paths.result import DistanceResult
    from raytd.methods.score import Score
    from raytd.rows.row import Row
    from raytd.sweep.folder.trial_log import TrialLog
    from raytd.sweep.trials.trial import Trial
    from raytd.tasks.task import Task


@click.command("distance")
@click.argument("source")
@click.argument("target")
@click.option(
    "--method",
    default="coupled",
    show_default=True,
    shell_complete=complete_method,
    help="Name of the method.",
)
@click.option("--model", help="Name of the model.  [default: cnn8-narrow]")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the run.  [default: 0]")
@click.option(
    "--config",
    type=options.UserPath(dir_okay=False),
    help="A sweep file whose settings hold where no option says otherwise.",
)
@options.overrides
@options.data
@options.catalogue
@options.download
@click.option("--out", type=options.UserPath(file_okay=False), help="Folder to keep everything in.")
@options.as_json
def command(
    source: str, target: str, *, method: str, out: Path | None, as_json: bool, **given: Any
) -> None:
    """The distance from the task SOURCE to the task TARGET, with its error figures.

    Each is the name of a task of the catalogue, such as digits-low, or of --config, or a folder
    with one folder for each class, a Parquet file or an npz file. Without --config, data of your
    own get settings with which the answer takes five minutes at most on this machine, and these
    are shown. Standard error says meanwhile what is trained, which iteration and segment is
    reached, and when it ends.
    """
    from raytd.cli.asked_trial import asked_trial
    from raytd.cli.output import figures_table, say
    from raytd.cli.views.events import doing, opened
    from raytd.sweep.document.reading import each_file_once
    from raytd.sweep.file.shipped import chosen_file
    from raytd.sweep.folder.doubts import row_doubts, with_doubts
    from raytd.sweep.folder.ledger import Ledger
    from raytd.sweep.trials.sharing import sharing_notes
    from raytd.tasks.account import account_lines

    given["config"] = given["config"] and chosen_file(given["config"], say)
    chosen = {key: given[key] for key in ("model", "seed") if given[key] is not None}
    with opened("auto") as view, each_file_once():
        trial = asked_trial((source, target), {"methods": [method], **chosen}, given, view)
        ends = (trial.source, trial.target)
        for line in account_lines(ends) + sharing_notes([ends]):
            view.show("data", {"message": line})
        doing(view, f"computing {trial.config.name}")
        log = Ledger(out).log(trial.key) if out is not None else None
        sources = None if out is None else out / "sources"
        with nullcontext() if log is None else log.opened(trial.config.name):
            result, row = _run(trial, sources, view, log)
        for warning in result.warnings:
            view.show("warning", {"message": f"warning: {warning}"})
    if out is not None and log is not None:
        log.end(row, result.warnings)
        Ledger(out).write_result(row, trial.config.model_dump(mode="json"), result)
    for doubt in row_doubts(row):
        say(f"doubtful: {doubt.text}")
    (shown,) = with_doubts([row])
    if as_json:
        click.echo(json.dumps(shown, indent=2))
        return
    open_console().print(figures_table(shown))


def _run(
    trial: "Trial", sources: Path | None, view: "View", log: "TrialLog | None"
) -> "tuple[DistanceResult | Score, Row]":
    """Runs a trial, and shows where it is; a log has its iterations, too."""
    from raytd.cli.asked_trial import forecast_of_one
    from raytd.cli.output import say
    from raytd.cli.views.course import Course
    from raytd.engine.executor import run_in_process
    from raytd.learning.sources import source_key
    from raytd.sweep.trials.trial import run_trial

    networks, forecast = forecast_of_one(trial, sources)
    course = Course(view, forecast)

    def on_training(task: "Task", origin: "Origin", place: "TrainingPlace") -> None:
        network = networks.get(source_key(task, origin))
        if network is None:
            return
        if place.step == place.steps:
            course.on_trained(network, "done")
        else:
            course.on_training(network, place)

    def on_iteration(iteration: "Iteration") -> None:
        course.show_iteration(trial, iteration.row())
        if log is not None:
            log.add(iteration.row())
        error = iteration.distance_error
        margin = "" if error is None else f" ± {error:.2g}"
        say(
            f"iteration {iteration.iteration}: distance {iteration.lengths.distance:.4f}{margin} "
            f"rad, target accuracy {iteration.target_accuracy:.3f}"
        )

    return run_trial(
        trial,
        launch=partial(run_in_process, on_place=lambda place: course.on_place(trial, *place)),
        sources=sources,
        on_iteration=on_iteration,
        on_training=on_training,
    )

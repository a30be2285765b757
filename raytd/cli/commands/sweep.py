"""`raytd sweep FILE`: run what is missing, log it, and show where everything is."""

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from raytd.cli import options
from raytd.cli.events import MODES, View, doing, open_view, warnings_in
from raytd.cli.interruption import Interruption, pass_interruption
from raytd.cli.output import show
from raytd.cli.request import Request, request_options
from raytd.errors import RaytdError, RequestError, StorageError
from raytd.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raytd.cli.progress import Progress
    from raytd.sweep.cluster.autoscaling import Bundles
    from raytd.sweep.cluster.connection import Node
    from raytd.sweep.trials.networks import Network
    from raytd.sweep.trials.plan import SweepPlan
    from raytd.tracking.base import RunsPage, SweepStatus


@click.command("sweep")
@request_options
@options.tracking_uri
@click.option(
    "--progress",
    "mode",
    type=click.Choice(MODES),
    default="auto",
    show_default=True,
    help="What standard error shows meanwhile; 'auto' is 'rich' on a terminal, else 'plain'.",
)
@options.as_json
@pass_interruption
def command(
    interruption: Interruption,
    /,
    *,
    tracking_uri: str | None,
    mode: Any,
    as_json: bool,
    **given: Any,
) -> None:
    """Run what is missing of the sweep in FILE, and show its table.

    Trains the missing source models, runs the missing trials on Ray, logs them to MLflow and writes
    results, figures and the matrices of distances under the storage folder. Running it again runs
    nothing that is finished.
    """
    view = open_view(mode)
    view.open()
    try:
        with warnings_in(view):
            code = _run(Request.of(given), tracking_uri, view, interruption, as_json=as_json)
            interruption.check()
    except RaytdError as error:
        interruption.check()
        view.close()
        for line in str(error).splitlines():
            view.show("error", {"message": line})
        code = error.exit_code
    finally:
        view.close()
        if interruption.signal and not interruption.told:
            interruption.told = True
            fields = {"status": "interrupted", "done": 0, "failed": 0}
            view.show("finish", {**fields, "message": interruption.line()})
    sys.exit(code)


def _run(
    request: Request,
    tracking_uri: str | None,
    view: View,
    interruption: Interruption,
    *,
    as_json: bool,
) -> int:
    from raytd.sweep.cluster.autoscaling import can_add
    from raytd.sweep.folder.presence import FolderGoneError, remove_remains
    from raytd.sweep.folder.sweep_lock import turn
    from raytd.sweep.trials.plan import write_plan
    from raytd.tasks.account import account_lines

    def tell(line: str) -> None:
        view.show("wait", {"message": line})

    def grow(bundles: "Bundles") -> bool:
        return request.address is not None and can_add(bundles, tell)

    with ExitStack() as stack:
        nodes = stack.enter_context(request.nodes())
        loaded, plan = request.plan(nodes, grow, view)
        for line in account_lines(plan.tasks) + plan.shared_images():
            view.show("data", {"message": line})
        uri = _tracking_uri(plan, request, tracking_uri)
        try:
            stack.enter_context(turn(plan.folder, tell))
            plan = plan.refreshed()
            view.show("plan", _counts(plan))
            known = plan.shortfalls()
            _tell_shortfalls(view, known)
            write_plan(plan, loaded.text)
        except StorageError as error:
            raise RequestError(str(error)) from error
        code, runs_page = (1 if plan.left else 0), None
        if plan.missing:
            try:
                ran, runs_page = _run_missing(plan, request, uri, view, nodes, interruption)
                code = ran or code
            except FolderGoneError:
                remove_remains(plan.folder)
                raise
            _tell_shortfalls(view, [text for text in plan.shortfalls() if text not in known])
        else:
            nothing = {"status": "failed" if code else "done", "done": 0, "failed": 0}
            view.show("finish", {**nothing, "message": None})
    view.close()
    show(plan, as_json=as_json, runs_page=runs_page)
    return code


def _run_missing(  # noqa: PLR0913
    plan: "SweepPlan",
    request: Request,
    uri: str | None,
    view: View,
    nodes: "list[Node]",
    interruption: Interruption,
) -> "tuple[int, RunsPage | None]":
    """Runs and tracks what is missing; the exit code, and where MLflow shows the trials."""
    from raytd.cli.progress import Progress
    from raytd.sweep.cluster.connection import connect
    from raytd.sweep.cost.estimate import trainings_at_once
    from raytd.sweep.cost.forecast import forecast_of
    from raytd.sweep.cost.timing import kept_speeds
    from raytd.sweep.run.runner import run_trials, train_sources
    from raytd.sweep.trials.networks import missing_networks
    from raytd.sweep.trials.placement import trials_at_once

    at_once = min(trials_at_once(t.config, nodes) for t in plan.missing)
    at_once = min(at_once, request.max_concurrent or at_once)
    networks = missing_networks(plan.missing, plan.sources)
    forecast = forecast_of(
        plan.missing,
        kept_speeds(),
        at_once=at_once,
        to_come=plan.ahead,
        networks=networks,
        networks_at_once=trainings_at_once(networks, nodes),
    )
    with ExitStack() as stack:
        if not request.address:
            doing(view, "starting Ray on this machine")
            stack.enter_context(connect(None))
        stack.enter_context(interruption.held())
        doing(view, _first_steps(networks))
        progress = Progress(plan, uri, view, forecast, interruption)
        status: SweepStatus = "failed"
        try:
            with interruption.let_through():
                train_sources(plan, progress)
                run_trials(plan, progress, max_concurrent=request.max_concurrent)
            status = "failed" if progress.n_failed else "done"
        finally:
            _close(progress, status, interruption)
    return {"done": 0, "failed": 1}[status], progress.tracker.runs_page


def _tell_shortfalls(view: View, texts: list[str]) -> None:
    """Says why searches run fewer trials than were asked for."""
    for text in texts:
        view.show("warning", {"message": text})


def _first_steps(networks: "Sequence[Network]") -> str:
    """What happens until the first event of a training or a trial."""
    n = len(networks)
    if not n:
        return "starting the first trials"
    return f"starting the training of {n} network{'' if n == 1 else 's'}"


def _close(progress: "Progress", status: "SweepStatus", interruption: Interruption) -> None:
    """Says how it ended, and writes what is left to write; a signal is told of at once.

    A sweep that was stopped after its last trial is complete.
    """
    view, was_stopped = progress.view, interruption.signal is not None
    view.close()
    if was_stopped:
        _tell_end(progress, "interrupted", interruption)
        complete: SweepStatus = "failed" if progress.n_failed else "done"
        status = complete if progress.n_left == 0 else "interrupted"
    else:
        doing(view, "writing the table and the figures")
    progress.close(status)
    if not was_stopped:
        _tell_end(progress, "interrupted" if interruption.signal else status, interruption)


def _tell_end(progress: "Progress", status: str, interruption: Interruption) -> None:
    counts = {"done": progress.n_done, "failed": progress.n_failed}
    message = None
    if status == "interrupted":
        interruption.told = True
        message = interruption.line(
            f": {progress.n_done} of {counted(progress.n_to_run, 'trial')} finished"
        )
    progress.view.show("finish", {"status": status, **counts, "message": message})


def _counts(plan: "SweepPlan") -> dict[str, Any]:
    return {
        "trials": len(plan.trials) + plan.n_ahead,
        "done": len(plan.done),
        "to_run": len(plan.missing) + plan.n_ahead,
        "failed": len(plan.failed),
        "left": len(plan.left),
        "message": plan.summary(),
    }


def _tracking_uri(plan: "SweepPlan", request: Request, asked: str | None) -> str | None:
    """The store that the sweep is sent to, which is asked whether it can take it."""
    from raytd.tracking.open import chosen_uri
    from raytd.tracking.reachable import require_experiment

    uri = chosen_uri(asked, request.storage)
    if uri is not None and plan.missing:
        require_experiment(uri, plan.spec.tracking.experiment or plan.spec.name)
    return uri

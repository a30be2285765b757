"""`raytd sweep FILE`: run what is missing, log it, and show where everything is."""

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from raytd.cli import options
from raytd.cli.drafting import draft_options, own_file
from raytd.cli.interruption import Interruption, pass_interruption
from raytd.cli.output import outcome_of
from raytd.cli.request import Request, request_options
from raytd.cli.views.driver_log import Logged, logged
from raytd.cli.views.events import MODES, View, doing, open_view, warnings_in
from raytd.cli.views.standing import duration
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
@click.argument("file", type=options.UserPath(), required=False)
@draft_options
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

    FILE may be the name of a sweep that raytd brings (see raytd init); a file of that name counts
    first, with or without .yaml.

    With --source and --target instead: writes FILE for these data as raytd init does, with a first
    answer within five minutes on this machine, and runs it. The same words again run the same file.

    Trains the missing source models, runs the missing trials on Ray, logs them to MLflow and writes
    results, figures and the matrices of distances under the storage folder. Running it again runs
    nothing that is finished.
    """
    with logged(open_view(mode)) as view:
        view.open()
        try:
            with warnings_in(view):
                request = Request.of(_with_file(given, view))
                plan, runs_page, code = run(request, tracking_uri, view, interruption)
                view.close()
                outcome_of(plan, runs_page).show(as_json=as_json)
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


def _with_file(given: dict[str, Any], view: View) -> dict[str, Any]:
    """The arguments with a sweep file, which is drafted where data are given instead.

    Raises:
        RequestError: if there is neither, or there are both.
    """
    from raytd.sweep.draft.asked import Asked
    from raytd.sweep.draft.sized import QUICK

    ends = {name: given.pop(name) for name in ("sources", "targets", "models")}
    if any(ends.values()) == (given["file"] is not None):
        raise RequestError(
            "give FILE, or --source and --target with data of your own, and not both; raytd init "
            "lists the sweeps that raytd brings"
        )
    if given["file"] is not None:
        return given
    places = {name: given[name] for name in ("data", "catalogue", "download")}
    file, profile = own_file(Asked(**ends, **places), view), given["profile"] or QUICK
    line = f"this runs raytd sweep {file} --profile {profile}; comments in the file say more"
    view.show("file", {"message": line})
    return {**given, "file": file, "profile": profile}


def run(
    request: Request, tracking_uri: str | None, view: Logged, interruption: Interruption
) -> "tuple[SweepPlan, RunsPage | None, int]":
    """Runs what is missing of a sweep.

    Args:
        request: the sweep, and where it runs.
        tracking_uri: of MLflow, `none`, or None for the one of the storage.
        view: is told what happens, and keeps it in the log of the sweep.
        interruption: that may end it.

    Returns:
        The plan, where MLflow shows the trials if it does, and the exit code: 1 if a trial failed.

    Raises:
        RequestError: with everything that is wrong with the request, before anything starts.
    """
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
            view.keep_in(plan.folder)
        except StorageError as error:
            raise RequestError(str(error)) from error
        code, runs_page = (1 if plan.left else 0), None
        if plan.missing:
            try:
                ran, runs_page = _run_missing(plan, request, uri, view, nodes, interruption)
                code = ran or code
            except FolderGoneError:
                view.end_log()
                remove_remains(plan.folder)
                raise
            _tell_shortfalls(view, [text for text in plan.shortfalls() if text not in known])
        else:
            nothing = {"status": "failed" if code else "done", "done": 0, "failed": 0}
            view.show("finish", {**nothing, "message": None})
    return plan, runs_page, code


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
    _tell_if_long(forecast.left_s(), request, view)
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


def _tell_if_long(seconds: float | None, request: Request, view: View) -> None:
    """Warns of a sweep that takes more than a night by speeds that were measured before."""
    from raytd.sweep.draft.smaller import NIGHT_S

    if seconds is not None and seconds > NIGHT_S:
        line = (
            f"this takes about {duration(seconds)} by the speeds of this machine; raytd plan "
            f"{request.file} says which settings make it shorter"
        )
        view.show("warning", {"message": line})


def _tell_shortfalls(view: View, texts: list[str]) -> None:
    """Says why searches run fewer trials than were asked for."""
    for text in texts:
        view.show("warning", {"message": text})


def _first_steps(networks: "Sequence[Network]") -> str:
    """What happens until the first event of a training or a trial."""
    n_read = sum(network.is_supplied for network in networks)
    n = len(networks) - n_read
    reading = f"reading the weights of {counted(n_read, 'network')}" if n_read else ""
    training = f"starting the training of {counted(n, 'network')}" if n else ""
    return " and ".join(filter(None, (training, reading))) or "starting the first trials"


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

"""`raytd sweep FILE`: run what is missing, log it, and show where everything is."""

import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import click

from raytd.cli import options
from raytd.cli.events import MODES, View, open_view
from raytd.cli.output import show
from raytd.cli.request import Request, request_options
from raytd.errors import RaytdError, RequestError, StorageError

if TYPE_CHECKING:
    from raytd.sweep.autoscaling import Bundles
    from raytd.sweep.cluster import Node
    from raytd.sweep.plan import SweepPlan
    from raytd.tracking.base import SweepStatus


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
def command(*, tracking_uri: str | None, mode: Any, as_json: bool, **given: Any) -> None:
    """Run what is missing of the sweep in FILE, and show its table.

    Trains the missing source models, runs the missing trials on Ray, logs them to MLflow and writes
    results, figures and the matrices of distances under the storage folder. Running it again runs
    nothing that is finished.
    """
    view = open_view(mode)
    try:
        with _warnings_in(view):
            code = _run(Request.of(given), tracking_uri, view, as_json=as_json)
    except RaytdError as error:
        view.close()
        for line in str(error).splitlines():
            view.show("error", {"message": line})
        code = error.exit_code
    finally:
        view.close()
    sys.exit(code)


def _run(request: Request, tracking_uri: str | None, view: View, *, as_json: bool) -> int:
    from raytd.sweep.autoscaling import can_add
    from raytd.sweep.plan import write_plan
    from raytd.sweep.presence import FolderGoneError, remove_remains
    from raytd.sweep.turn import turn

    def tell(line: str) -> None:
        view.show("wait", {"message": line})

    def grow(bundles: "Bundles") -> bool:
        return request.address is not None and can_add(bundles, tell)

    with ExitStack() as stack:
        nodes = stack.enter_context(request.nodes())
        loaded = request.load(nodes, grow)
        told = {"profile": loaded.profile, "reason": loaded.reason}
        view.show("sweep", {"name": loaded.spec.name, **told})
        plan = request.plan(loaded, nodes, grow)
        uri = _tracking_uri(plan, request, tracking_uri)
        try:
            stack.enter_context(turn(plan.folder, tell))
            plan = plan.refreshed()
            view.show("plan", _counts(plan))
            _tell_shortfalls(view, known := plan.shortfalls())
            write_plan(plan, loaded.text)
        except StorageError as error:
            raise RequestError(str(error)) from error
        code = 1 if plan.left else 0
        if plan.missing:
            try:
                code = _run_missing(plan, request, uri, view, nodes) or code
            except FolderGoneError:
                remove_remains(plan.folder)
                raise
            _tell_shortfalls(view, [text for text in plan.shortfalls() if text not in known])
    show(plan, as_json=as_json)
    return code


def _run_missing(
    plan: "SweepPlan",
    request: Request,
    uri: str | None,
    view: View,
    nodes: "list[Node]",
) -> int:
    """Runs and tracks what is missing; the exit code."""
    from raytd.cli.interruption import remembered
    from raytd.cli.progress import Progress
    from raytd.sweep.cluster import connect
    from raytd.sweep.forecast import forecast_of
    from raytd.sweep.placement import trials_at_once
    from raytd.sweep.runner import run_trials, train_sources
    from raytd.sweep.timing import kept_speeds

    at_once = min(trials_at_once(t.config, nodes) for t in plan.missing)
    at_once = min(at_once, request.max_concurrent or at_once)
    forecast = forecast_of(plan.missing, kept_speeds(), at_once=at_once, to_come=plan.ahead)
    status: SweepStatus = "failed"
    with ExitStack() as stack:
        if not request.address:
            stack.enter_context(connect(None))
        interruption = stack.enter_context(remembered())
        progress = Progress(plan, uri, view, forecast, interruption.check)
        try:
            train_sources(plan, progress)
            run_trials(plan, progress, max_concurrent=request.max_concurrent)
            status = "failed" if progress.n_failed else "done"
        except BaseException:
            if not interruption.pressed:
                raise
        finally:
            status = "interrupted" if interruption.pressed else status
            view.close()
            _finish(view, progress, status)
            progress.close(status)
    return {"done": 0, "failed": 1, "interrupted": 130}[status]


def _tell_shortfalls(view: View, texts: list[str]) -> None:
    """Says why searches run fewer trials than were asked for."""
    for text in texts:
        view.show("warning", {"message": text})


def _finish(view: View, progress: Any, status: str) -> None:
    message = None
    if status == "interrupted":
        n = progress.n_done
        message = f"interrupted: {n} trials finished; the same command goes on from there"
    counts = {"done": progress.n_done, "failed": progress.n_failed}
    view.show("finish", {"status": status, **counts, "message": message})


def _counts(plan: "SweepPlan") -> dict[str, Any]:
    return {
        "trials": len(plan.trials) + plan.n_ahead,
        "done": len(plan.done),
        "to_run": len(plan.missing) + plan.n_ahead,
        "failed": len(plan.failed),
        "left": len(plan.left),
        "message": plan.summary(),
    }


@contextmanager
def _warnings_in(view: View) -> Iterator[None]:
    """Shows what our own code warns of as events."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            view.show("warning", {"message": record.getMessage()})

    logger, handler = logging.getLogger("raytd"), Handler(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _tracking_uri(plan: "SweepPlan", request: Request, asked: str | None) -> str | None:
    """The store that the sweep is sent to, which is asked whether it can take it."""
    from raytd.tracking.open import chosen_uri
    from raytd.tracking.reachable import require_experiment

    uri = chosen_uri(asked, request.storage)
    if uri is not None and plan.missing:
        require_experiment(uri, plan.spec.tracking.experiment or plan.spec.name)
    return uri

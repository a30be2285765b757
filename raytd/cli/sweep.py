"""`raytd sweep FILE`: run what is missing, log it, and show where everything is."""

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from raytd.cli import options
from raytd.cli.output import say, show

if TYPE_CHECKING:
    from raytd.sweep.plan import SweepPlan
    from raytd.tracking.base import SweepStatus


@dataclass(frozen=True)
class Options:
    """What was asked for beside the file."""

    profile: str | None
    overrides: tuple[str, ...]
    address: str | None
    storage: Path
    data: Path | None
    catalogue: Path | None
    download: bool
    tracking_uri: str | None
    fresh: bool
    max_concurrent: int | None
    as_json: bool


@click.command("sweep")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--profile", help="A profile of the file, 'auto' or 'none'.")
@options.overrides
@click.option("--address", help="A running Ray cluster.  [default: start one on this machine]")
@options.storage
@options.data
@options.catalogue
@options.download
@options.tracking_uri
@click.option("--fresh", is_flag=True, help="Run finished trials again.")
@click.option("--max-concurrent", type=click.IntRange(min=1), help="Trials at once, at most.")
@options.as_json
def command(file: Path, **given: Any) -> None:
    """Run what is missing of the sweep in FILE, and show its table.

    Trains the missing source models, runs the missing trials on Ray, logs them to MLflow and writes
    results, figures and the matrices of distances under the storage folder. Running it again runs
    nothing that is finished.
    """
    sys.exit(_run(file, Options(**given)))


def _run(file: Path, asked: Options) -> int:
    from raytd.sweep.cluster import connect, local_nodes
    from raytd.sweep.plan import make_plan, write_plan
    from raytd.sweep.spec import load_sweep
    from raytd.tasks.datasets import data_root

    with ExitStack() as stack:
        nodes = stack.enter_context(connect(asked.address)) if asked.address else local_nodes()
        loaded = load_sweep(
            file,
            profile=asked.profile,
            overrides=asked.overrides
            + options.settings_of(catalogue=asked.catalogue, download=asked.download),
            has_gpu=lambda: any(node.get("GPU", 0) > 0 for node in nodes),
        )
        profile = f"profile {loaded.profile}" if loaded.profile else "the file as written"
        say(f"{loaded.spec.name}: {profile} ({loaded.reason})")
        plan = make_plan(
            loaded.spec,
            data=data_root(asked.data),
            storage=asked.storage.absolute(),
            nodes=nodes,
            fresh=asked.fresh,
        )
        say(f"{len(plan.trials)} trials: {len(plan.done)} done, {len(plan.missing)} to run")
        write_plan(plan, file.read_bytes())
        if plan.missing and not asked.address:
            stack.enter_context(connect(None))
        code = _run_missing(plan, asked) if plan.missing else 0
    show(plan, as_json=asked.as_json)
    return code


def _run_missing(plan: "SweepPlan", asked: Options) -> int:
    """Runs and tracks what is missing; the exit code."""
    from raytd.cli.progress import Progress
    from raytd.sweep.runner import run_trials, train_sources

    progress = Progress(plan, _tracking_uri(asked))
    status: SweepStatus = "failed"
    try:
        train_sources(plan, progress)
        run_trials(plan, progress, max_concurrent=asked.max_concurrent)
        status = "failed" if progress.n_failed else "done"
    except KeyboardInterrupt:
        status = "interrupted"
        say(f"interrupted: {progress.n_done} trials finished; the same command goes on from there")
    finally:
        progress.close(status)
    return {"done": 0, "failed": 1, "interrupted": 130}[status]


def _tracking_uri(asked: Options) -> str | None:
    from raytd.tracking.open import default_uri

    if asked.tracking_uri == "none":
        return None
    return asked.tracking_uri or default_uri(asked.storage)

"""Runs the missing trials of a plan on Ray Tune and tells listeners what happens."""

import shutil
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from raytd.engine.config import ResourcesConfig
from raytd.engine.context import networks
from raytd.engine.records import Iteration
from raytd.engine.sources import Origin, SourceCache, source_key
from raytd.errors import RaytdError, StorageError
from raytd.sweep.expand import TrialConfig
from raytd.sweep.ledger import Ledger, Row, iteration_row, knot_rows
from raytd.sweep.plan import COORDINATOR_CPUS, SweepPlan
from raytd.sweep.trial import Trial, failed_row, run_trial
from raytd.tasks.task import Task


class Listener(Protocol):
    """Is told, in the driver, how the trials go."""

    def on_trained(self, name: str, outcome: str) -> None:
        """A network that trials need has been trained, or not."""

    def on_iteration(self, trial: Trial, figures: Row, knots: Sequence[Row]) -> None:
        """An iteration of a trial has ended."""

    def on_end(self, trial: Trial, row: Row) -> None:
        """A trial has ended, done or failed."""


def train_sources(plan: SweepPlan, listener: Listener) -> None:
    """Trains the networks that the missing trials start from or are compared with, in parallel.

    A network that cannot be trained is left to the trials that need it: they fail with its error.

    Raises:
        StorageError: if the sources cannot be written.
    """
    import ray
    from ray.exceptions import RayTaskError

    from raytd.engine.ray_executor import local_cause

    pending = {}
    for key, (task, recipe, resources) in _networks(plan.missing).items():
        if SourceCache(plan.sources).has(task, recipe):
            continue
        remote = ray.remote(_train).options(
            num_cpus=resources.cpus_per_actor, num_gpus=resources.gpus_per_actor, name=key
        )
        reference = remote.remote(plan.sources, task, recipe, resources)
        pending[reference] = f"{recipe.model} on {task.name} (seed {recipe.seed})"
    while pending:
        ready, _ = ray.wait(list(pending))
        name = pending.pop(ready[0])
        try:
            listener.on_trained(name, f"validation accuracy {ray.get(ready[0]):.3f}")
        except RayTaskError as error:
            cause = local_cause(error)
            if isinstance(cause, StorageError):
                raise cause from error
            listener.on_trained(name, f"failed: {one_line(cause)}")


def run_trials(plan: SweepPlan, listener: Listener, *, max_concurrent: int | None = None) -> None:
    """Runs every missing trial; one that fails is told to the listener and the others go on.

    Args:
        plan: the sweep; the cluster is connected.
        listener: told of iterations and ends.
        max_concurrent: bound on trials at once; None leaves it to the resources.
    """
    from ray import tune

    trials = {t.key: t for t in plan.missing}
    shared = {s.name: s for t in trials.values() for s in (t.source, t.target)}
    configs = {key: t.config for key, t in trials.items()}
    function = tune.with_parameters(
        _trial_function, configs=configs, tasks=shared, folder=plan.folder, sources=plan.sources
    )
    scratch = tempfile.mkdtemp(prefix="raytd-tune-")
    try:
        tune.Tuner(
            tune.with_resources(function, lambda c: _bundles(configs[c["trial_key"]])),
            param_space={"trial_key": tune.grid_search(list(trials))},
            tune_config=tune.TuneConfig(reuse_actors=True, max_concurrent_trials=max_concurrent),
            run_config=tune.RunConfig(
                name=plan.spec.name,
                storage_path=scratch,
                verbose=0,
                callbacks=[_callback(trials, listener)],
            ),
        ).fit()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _networks(trials: Sequence[Trial]) -> dict[str, tuple[Task, Origin, ResourcesConfig]]:
    """Each network once: the sources, and the references on the targets."""
    found = {}
    for trial in trials:
        config = trial.config
        for task, recipe in networks(trial.pair, config.pretrain, config.trajectory):
            found[source_key(task, recipe)] = (task, recipe, config.resources)
    return found


def _train(folder: Path, task: Task, recipe: Origin, resources: ResourcesConfig) -> float:
    cache = SourceCache(folder, use_gpu=resources.gpus_per_actor > 0, threads=resources.threads)
    return cache.get(task, recipe).accuracy


def _bundles(config: TrialConfig) -> Any:
    """Bundle 0 takes the trial and its coordinator, each further one a block actor."""
    from ray import tune

    resources = config.resources
    actor = {"CPU": resources.cpus_per_actor, "GPU": resources.gpus_per_actor}
    actor = {kind: amount for kind, amount in actor.items() if amount > 0}
    n_actors = resources.n_actors(config.settings.blocks)
    return tune.PlacementGroupFactory([{"CPU": COORDINATOR_CPUS}] + [actor] * n_actors)


def _trial_function(
    params: dict[str, Any],
    *,
    configs: dict[str, TrialConfig],
    tasks: dict[str, Task],
    folder: Path,
    sources: Path,
) -> None:
    """What Tune runs: one trial, on the actors of its placement group."""
    from ray import tune
    from ray.util import get_current_placement_group

    from raytd.engine.ray_executor import ActorShape, local_cause, pool_of

    config = configs[params["trial_key"]]
    trial = Trial(config, tasks[config.source.name], tasks[config.target.name])
    resources, log = config.resources, _Log()
    shape = ActorShape(
        n_actors=resources.n_actors(config.settings.blocks),
        cpus=resources.cpus_per_actor,
        gpus=resources.gpus_per_actor,
    )

    def report(iteration: Iteration) -> None:
        figures = iteration_row(iteration)
        log.add(figures)
        tune.report({"figures": figures, "knots": knot_rows(iteration)})

    ledger, described = Ledger(folder), config.model_dump(mode="json")
    try:
        pool = pool_of(shape, get_current_placement_group())
        result, row = run_trial(trial, launch=pool.launch, sources=sources, on_iteration=report)
        ledger.write_result(row, described, result, log.text(result.warnings))
    except Exception as error:  # noqa: BLE001 - whatever it is, the other trials go on
        row = failed_row(trial, one_line(local_cause(error)))
        if not isinstance(error, StorageError):
            ledger.write_failure(row, described, log.text([]) + traceback.format_exc())
    tune.report({"row": row})


def one_line(error: BaseException) -> str:
    """What a results table says of an error: its own line, or its type and first line."""
    text = str(error).strip().splitlines()
    first = text[0] if text else ""
    return first if isinstance(error, RaytdError) else f"{type(error).__name__}: {first}"


class _Log:
    """The lines of a trial's log."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, figures: Row) -> None:
        """One line for an iteration."""
        shown = ", ".join(
            f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in figures.items()
            if value is not None
        )
        self._lines.append(shown)

    def text(self, warnings: Sequence[str]) -> str:
        """The log so far, with warnings at its end."""
        return "".join(f"{line}\n" for line in [*self._lines, *(f"warning: {w}" for w in warnings)])


def _callback(trials: dict[str, Trial], listener: Listener) -> Any:
    """Hands what Tune reports to the listener; a trial that ends without a row has crashed."""
    from ray.tune import Callback

    ended: set[str] = set()

    class Forward(Callback):  # type: ignore[misc]
        def on_trial_result(self, *, trial: Any, result: Row, **_: Any) -> None:
            ours = trials[trial.config["trial_key"]]
            if "row" in result:
                ended.add(ours.key)
                listener.on_end(ours, result["row"])
            elif "figures" in result:
                listener.on_iteration(ours, result["figures"], result["knots"])

        def on_trial_error(self, *, trial: Any, **_: Any) -> None:
            ours = trials[trial.config["trial_key"]]
            if ours.key not in ended:
                listener.on_end(ours, failed_row(ours, "its process was lost"))

    return Forward()

"""Runs the missing trials of a plan on Ray Tune and tells listeners what happens."""

import logging
import shutil
from collections.abc import Sequence
from typing import Any, Protocol

from raytd.engine.config import ResourcesConfig
from raytd.engine.sources import Origin, SourceCache, source_key
from raytd.engine.storage import StoragePath
from raytd.errors import StorageError, WaitTimeoutError
from raytd.paths import make_temporary_folder
from raytd.sweep.ledger import Ledger, Row
from raytd.sweep.networks import networks_of
from raytd.sweep.plan import SweepPlan
from raytd.sweep.searcher import make_searcher
from raytd.sweep.trial import Trial
from raytd.sweep.trial_function import (
    PROCESS_LOSSES,
    News,
    bundles,
    config_of,
    one_line,
    run_remotely,
)
from raytd.sweep.tune_callback import forward
from raytd.sweep.waiting import AGAIN, LOOK_EVERY_S, Silence, Waiting
from raytd.tasks.task import Task

LOOK_SHARE_S = 0.05
"""Seconds between two looks at a trial, for each trial there is: at most 20 reach the driver."""


class Listener(Protocol):
    """Is told, in the driver, how the trials go."""

    def on_trained(self, name: str, outcome: str) -> None:
        """A network that trials need has been trained, or not."""

    def on_begin(self, trial: Trial) -> None:
        """A trial begins, or goes on in a new process."""

    def on_place(self, trial: Trial, iteration: int, segment: int) -> None:
        """Where a running trial is."""

    def on_iteration(self, trial: Trial, figures: Row, knots: Sequence[Row]) -> None:
        """An iteration of a trial has ended."""

    def on_wait(self, line: str) -> None:
        """The cluster has no place yet for what comes next, or something was lost."""

    def on_end(self, trial: Trial, row: Row) -> None:
        """A trial has ended, done or failed."""


def train_sources(plan: SweepPlan, listener: Listener) -> None:
    """Trains the networks that the missing trials start from or are compared with, in parallel.

    A network that cannot be trained is left to the trials that need it: they fail with its error.

    Raises:
        StorageError: if the sources cannot be written.
    """
    import ray

    pending = {}
    longest_s = max((t.config.resources.wait_timeout_s for t in plan.missing), default=0.0)
    waiting = Waiting(listener.on_wait)
    silence = Silence(listener.on_wait, "the training of")
    for key, (task, recipe, resources) in _networks(plan.missing).items():
        if SourceCache(plan.sources).has(task, recipe):
            continue
        remote = ray.remote(_train).options(
            num_cpus=resources.cpus_per_actor,
            num_gpus=resources.gpus_per_actor,
            name=key,
            max_retries=PROCESS_LOSSES,
        )
        reference = remote.remote(plan.sources, task, recipe, resources)
        pending[reference] = f"{recipe.model} on {task.name} (seed {recipe.seed})"
    while pending:
        ready, _ = ray.wait(list(pending), timeout=LOOK_EVERY_S)
        if not ready:
            waited_s = waiting.look_at_tasks(len(pending))
            if waited_s > longest_s:
                raise WaitTimeoutError(f"no network could be trained for {longest_s:g} s; {AGAIN}")
            if not waited_s:  # what runs may hang, and no limit of ours knows how long it may take
                silence.look(pending.values())
            continue
        listener.on_trained(pending.pop(ready[0]), _outcome(ready[0]))


def _outcome(training: Any) -> str:
    """How a training has ended, in words.

    Raises:
        StorageError: if the source cannot be written.
    """
    import ray
    from ray.exceptions import RayError, RayTaskError, WorkerCrashedError

    from raytd.engine.ray_calls import local_cause

    try:
        return f"validation accuracy {ray.get(training):.3f}"
    except WorkerCrashedError:
        return f"failed: its process was lost {PROCESS_LOSSES + 1} times"
    except RayTaskError as error:
        cause = local_cause(error)
        if isinstance(cause, StorageError):
            raise cause from error
        return f"failed: {one_line(cause)}"
    except RayError as error:  # its node is gone, or memory ran out again and again
        return f"failed: {one_line(error)}"


def run_trials(plan: SweepPlan, listener: Listener, *, max_concurrent: int | None = None) -> None:
    """Runs every missing trial; one that fails is told to the listener and the others go on.

    Args:
        plan: the sweep; the cluster is connected.
        listener: told of iterations and ends.
        max_concurrent: bound on trials at once; None leaves it to the resources.
    """
    from ray import tune

    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # the listener is told of every loss
    trials = {t.key: t for t in plan.missing}
    shared = {s.name: s for t in trials.values() for s in (t.source, t.target)}
    configs = {key: t.config for key, t in trials.items()}
    function = tune.with_parameters(
        run_remotely,
        configs=configs,
        tasks=shared,
        folder=plan.folder,
        sources=plan.sources,
        news=News(max(1.0, len(configs) * LOOK_SHARE_S), plan.spec.tracking.system_metrics),
        stale=plan.stale,
    )
    longest_s = max(c.resources.wait_timeout_s for c in configs.values())
    param_space, search = _space(plan, trials)
    max_concurrent = max_concurrent or (_SEARCHED_AT_ONCE if plan.studies else None)
    scratch = make_temporary_folder("raytd-tune-")
    try:
        tune.Tuner(
            tune.with_resources(function, lambda c: bundles(config_of(c, configs))),
            param_space=param_space,
            tune_config=tune.TuneConfig(
                reuse_actors=True, max_concurrent_trials=max_concurrent, **search
            ),
            run_config=tune.RunConfig(
                name=plan.spec.name,
                storage_path=str(scratch),
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=PROCESS_LOSSES),
                callbacks=[forward(trials, listener, plan, longest_s)],
            ),
        ).fit()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


_SEARCHED_AT_ONCE = 200
"""Tune places the trials of a searcher one by one unless it is told a bound; as for a grid."""


def _space(plan: SweepPlan, trials: dict[str, Trial]) -> tuple[Row, Row]:
    """What Tune goes through: a list of keys, or a searcher that adds to `trials` as it goes."""
    from ray import tune

    if not plan.studies:
        return {"trial_key": tune.grid_search(list(trials))}, {}
    chosen = {t.key for study in plan.studies for t in study.trials}
    searcher = make_searcher(
        plan.studies,
        [t for t in plan.missing if t.key not in chosen],
        settled=plan.settled,
        ended=Ledger(plan.folder).row,
        announce=lambda trial: trials.update({trial.key: trial}),
    )
    return {}, {"search_alg": searcher, "num_samples": len(trials) + plan.n_ahead}


def _networks(trials: Sequence[Trial]) -> dict[str, tuple[Task, Origin, ResourcesConfig]]:
    """Each network once: the sources, and the references on the targets."""
    found = {}
    for trial in trials:
        for task, recipe in networks_of(trial):
            found[source_key(task, recipe)] = (task, recipe, trial.config.resources)
    return found


def _train(folder: StoragePath, task: Task, recipe: Origin, resources: ResourcesConfig) -> float:
    cache = SourceCache(
        folder,
        use_gpu=resources.gpus_per_actor > 0,
        deterministic=resources.deterministic,
        threads=resources.threads,
    )
    return cache.get(task, recipe).accuracy

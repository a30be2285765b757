"""Runs the missing trials of a plan on Ray Tune and tells listeners what happens."""

import logging
import shutil
from collections.abc import Collection, Sequence
from typing import Any, Protocol

from raytd.engine.config import ResourcesConfig
from raytd.errors import StorageError, WaitTimeoutError
from raytd.learning.places import TrainingPlace
from raytd.learning.sources import Origin, SourceCache
from raytd.paths import make_temporary_folder
from raytd.rows.row import Figures, Row
from raytd.storage.path import StoragePath
from raytd.sweep.cluster.waiting import AGAIN, AGAIN_S, Silence, Waiting
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.run.callback import forward
from raytd.sweep.run.searcher import make_searcher
from raytd.sweep.run.tally import Waited
from raytd.sweep.run.training_board import BoardReader, Reporter, Told
from raytd.sweep.run.trial_function import (
    PROCESS_LOSSES,
    config_of,
    one_line,
    run_remotely,
)
from raytd.sweep.trials.networks import Network, missing_networks
from raytd.sweep.trials.placement import bundles
from raytd.sweep.trials.plan import SweepPlan
from raytd.sweep.trials.trial import Trial
from raytd.tasks.task import Task

LOOK_SHARE_S = 0.05
"""Seconds between two looks at a trial, for each trial there is: at most 20 reach the driver."""


class Listener(Protocol):
    """Is told, in the driver, how the trials go."""

    def on_training(self, network: Network, place: TrainingPlace) -> None:
        """Where the training of a network is: it begins, or has come further."""

    def on_trained(self, network: Network, outcome: str) -> None:
        """A network that trials need has been trained, or not."""

    def on_begin(self, trial: Trial) -> None:
        """A trial has a place; its process starts, perhaps not for the first time."""

    def on_start(self, trial: Trial, began: float) -> None:
        """The process of a trial has begun to work, so many seconds after 1970."""

    def on_place(self, trial: Trial, iteration: int, segment: int) -> None:
        """Where a running trial is."""

    def on_iteration(self, trial: Trial, figures: Figures, knots: Sequence[Figures]) -> None:
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

    networks = missing_networks(plan.missing, plan.sources)
    if not networks:
        return
    longest_s = max(t.config.resources.wait_timeout_s for t in plan.missing)
    watch, board = _Watch(listener, longest_s, Waited(plan.folder.name)), BoardReader()
    pending = {_start(network, plan, board.reporter(network.key)): network for network in networks}
    while pending:
        ready, _ = ray.wait(list(pending), timeout=TRAINING_LOOK_S)
        watch.look(pending.values(), board.look(), has_ended=bool(ready))
        if ready:
            listener.on_trained(pending.pop(ready[0]), _outcome(ready[0]))


TRAINING_LOOK_S = 1.0
"""Seconds between two looks at trainings that run."""


def _start(network: Network, plan: SweepPlan, reporter: Reporter) -> Any:
    """Begins a training, in a process of its own; its end can be waited for."""
    import ray

    resources = network.trial.config.resources
    remote = ray.remote(_train).options(
        num_cpus=network.cpus,
        num_gpus=resources.gpus,
        name=network.key,
        max_retries=PROCESS_LOSSES,
    )
    return remote.remote(plan.sources, network.task, network.origin, resources, reporter)


class _Watch:
    """Tells a listener where trainings are, and what they wait for."""

    def __init__(self, listener: Listener, longest_s: float, waited: Waited) -> None:
        self._listener, self._longest_s, self._waited = listener, longest_s, waited
        self._waiting = Waiting(listener.on_wait)
        self._silence = Silence(listener.on_wait, "the training of")
        self._places: dict[str, TrainingPlace] = {}

    def look(self, pending: Collection[Network], told: Told, *, has_ended: bool) -> None:
        """Tells what is new.

        Args:
            pending: trainings that had not ended at the last look.
            told: where those that have begun are.
            has_ended: one of them has ended since.

        Raises:
            WaitTimeoutError: if none of them could begin for too long.
        """
        for network in pending:
            place = told[network.key][0] if network.key in told else None
            if place is not None and place != self._places.get(network.key):
                self._places[network.key] = place
                self._silence.heard(network.name)
                self._listener.on_training(network, place)
        if has_ended:
            return
        alive = any(n.key in told and told[n.key][1] < AGAIN_S for n in pending)
        waited_s = self._waiting.look_at_tasks(len(pending), alive=alive)
        self._waited.look(waited_s)
        if waited_s > self._longest_s:
            waited = f"{self._longest_s:g} s"
            raise WaitTimeoutError(f"no network could be trained for {waited}; {AGAIN}")
        if not waited_s:  # what runs may hang, and no limit of ours knows how long it may take
            self._silence.look(n.name for n in pending)


def _outcome(training: Any) -> str:
    """How a training has ended, in words.

    Raises:
        StorageError: if the source cannot be written.
    """
    import ray
    from ray.exceptions import RayError, RayTaskError, WorkerCrashedError

    from raytd.engine.on_ray.executor import local_cause

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
        plan: the sweep, which is written; the cluster is connected.
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
        look_every_s=max(1.0, len(configs) * LOOK_SHARE_S),
        system_metrics=plan.spec.tracking.system_metrics,
        stale=plan.stale,
    )

    def reserved(params: dict[str, Any]) -> Any:
        """The placement group of the trial that Tune means."""
        return tune.PlacementGroupFactory(bundles(config_of(params, configs)))

    longest_s = max(c.resources.wait_timeout_s for c in configs.values())
    param_space, search = _space(plan, trials)
    max_concurrent = max_concurrent or (_SEARCHED_AT_ONCE if plan.studies else None)
    scratch = make_temporary_folder("raytd-tune-")
    try:
        tune.Tuner(
            tune.with_resources(function, reserved),
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


def _space(plan: SweepPlan, trials: dict[str, Trial]) -> tuple[dict[str, Any], dict[str, Any]]:
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


def _train(
    folder: StoragePath,
    task: Task,
    recipe: Origin,
    resources: ResourcesConfig,
    reporter: Reporter,
) -> float:
    cache = SourceCache(
        folder,
        use_gpu=resources.use_gpu,
        deterministic=resources.deterministic,
        threads=resources.threads,
        on_training=lambda _task, _origin, place: reporter(place),
    )
    return cache.get(task, recipe).accuracy

"""What Ray Tune runs: one trial on the actors of its placement group, whatever happens to it."""

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from raytd.engine.checkpoints import CheckpointSettings
from raytd.engine.config import ResourcesConfig
from raytd.engine.executor import run_in_process
from raytd.engine.records import Iteration
from raytd.errors import (
    MemoryShortError,
    RaytdError,
    StorageError,
    WaitTimeoutError,
    WorkerLostError,
    first_line,
    in_one_line,
)
from raytd.methods.paths.result import DistanceResult
from raytd.methods.registry import METHODS
from raytd.methods.score import Score
from raytd.rows.row import Row
from raytd.storage.files import remove_folder
from raytd.storage.path import StoragePath
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.folder.presence import require_folder
from raytd.sweep.folder.trial_log import TrialLog
from raytd.sweep.trials.expand import TrialConfig
from raytd.sweep.trials.trial import Trial, failed_row, run_trial
from raytd.tasks.task import Task

if TYPE_CHECKING:
    from raytd.engine.on_ray.pool import ActorPool, Watch

PROCESS_LOSSES = 3
"""How often the process of a trial, or of a training, may be lost before it counts as failed."""

HALVINGS = 3
"""How often a trial that runs out of memory starts again with half the chunk."""


def config_of(params: dict[str, Any], configs: dict[str, TrialConfig]) -> TrialConfig:
    """The trial that Tune means; one that a search suggests comes with its configuration.

    `configs` has what was known when it was handed over.
    """
    if "config" in params:
        return TrialConfig.model_validate_json(params["config"])
    return configs[params["trial_key"]]


def run_remotely(  # noqa: PLR0913
    params: dict[str, Any],
    *,
    configs: dict[str, TrialConfig],
    tasks: dict[str, Task],
    folder: StoragePath,
    sources: StoragePath,
    look_every_s: float,
    system_metrics: bool,
    stale: Mapping[str, int | None],
) -> None:
    """Runs a trial, reports start, place, iterations and row to Tune, and writes the ledger.

    A process that was lost after it had written a result leaves nothing to do but to report it.
    `stale` has the versions of the rows that do not count, `look_every_s` is the time between two
    looks at its place, and with `system_metrics` iterations come with what the actors use.
    """
    from ray import tune

    from raytd.engine.on_ray.executor import local_cause
    from raytd.engine.on_ray.pool import Watch

    began = time.time()
    tune.report({"began": began})
    config = config_of(params, configs)
    trial = Trial(config, tasks[config.source.name], tasks[config.target.name])
    ledger, described = Ledger(folder), config.model_dump(mode="json")
    log, checkpoints = ledger.log(trial.key), ledger.trial_folder(trial.key) / "checkpoint"

    def report(iteration: Iteration) -> None:
        figures = iteration.row()
        log.add(figures)
        used = pool.usage() if system_metrics else {}
        tune.report({"figures": figures | used, "knots": iteration.knot_rows()})

    def tell_place(place: tuple[int, int]) -> None:
        log.place(place)
        tune.report({"place": place})

    attempt = Attempt(checkpoints, sources, report, log, Watch(tell_place, look_every_s))
    try:
        row = ledger.done_since(trial.key, stale.get(trial.key))
        if row is None:
            require_folder(folder)
            with log.opened(config.name):
                if METHODS[config.method].processes(config.settings, config.resources).coordinator:
                    pool = _pool(config, folder.name)
                    result, row = attempt.run_with_enough_memory(trial, pool)
                else:
                    result, row = run_trial(trial, launch=run_in_process, sources=sources)
            require_folder(folder)
            log.end(row, result.warnings)
            ledger.write_result(row, described, result)
        remove_folder(checkpoints)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other trials go on
        cause = local_cause(error)
        row = failed_row(
            trial,
            one_line(cause),
            transient=is_transient(cause),
            wall_s=time.time() - began,
        )
        if not isinstance(error, StorageError):
            log.fail(traceback.format_exc())
            ledger.write_failure(row, described)
    tune.report({"row": row})


def _pool(config: TrialConfig, sweep: str) -> "ActorPool":
    """The actors of a trial, in its placement group."""
    from ray.util import get_current_placement_group

    from raytd.engine.on_ray.pool import ActorShape, pool_of

    cpus, gpus = config.resources.cpus_per_actor, config.resources.gpus
    shape = ActorShape(config.n_workers, cpus, gpus)
    return pool_of(shape, get_current_placement_group(), sweep)


@dataclass(frozen=True)
class Attempt:
    """How a trial is run, and run again.

    Attributes:
        checkpoints: folder of this trial's own.
        sources: folder of trained sources.
        report: called with each iteration.
        log: of the trial.
        watch: is told of iteration and segment.
    """

    checkpoints: StoragePath
    sources: StoragePath
    report: Callable[[Iteration], None]
    log: TrialLog
    watch: "Watch"

    def run_with_enough_memory(
        self, trial: Trial, pool: "ActorPool"
    ) -> tuple[DistanceResult | Score, Row]:
        """Runs a trial, with half the chunk after each time that memory ran out.

        Raises:
            MemoryShortError: in one line, if the smallest chunk is too large or was not reached.
        """
        for n_halvings in range(HALVINGS + 1):
            try:
                return self._run(trial, pool)
            except Exception as error:  # noqa: BLE001 - looked at by its cause
                if not is_out_of_memory(error):
                    raise
                chunk = trial.config.resources.chunk
                if chunk == 1 or n_halvings == HALVINGS:
                    raise MemoryShortError(
                        f"out of memory with resources.chunk = {chunk}, after {n_halvings} "
                        "restarts with half of it; set a smaller coupled.tile_size or "
                        "trajectory.batch_size, or more blocks"
                    ) from error
                self.log.note(f"out of memory with chunk {chunk}; begun again with {chunk // 2}")
                trial = with_chunk(trial, chunk // 2)
        raise AssertionError("the last turn returns or raises")

    def _run(self, trial: Trial, pool: "ActorPool") -> tuple[DistanceResult | Score, Row]:
        from raytd.engine.on_ray.executor import Limits

        resources = trial.config.resources
        launch = partial(
            pool.launch,
            checkpoints=checkpoint_settings(self.checkpoints, resources),
            limits=Limits(call_s=resources.call_timeout_s, wait_s=resources.wait_timeout_s),
            tell=self.log.note,
            watch=self.watch,
        )
        result, row = run_trial(
            trial, launch=launch, sources=self.sources, on_iteration=self.report
        )
        return replace(result, warnings=(*result.warnings, *self.log.notes)), row


def checkpoint_settings(folder: StoragePath, resources: ResourcesConfig) -> CheckpointSettings:
    """Where and how often; the stamp names what the last bits depend on beside the plan."""
    return CheckpointSettings(
        folder=folder,
        every=None if resources.checkpoint_every == "auto" else resources.checkpoint_every,
        stamp={
            "raytd": version("raytd"),
            "torch": version("torch"),
            "threads": resources.threads,
            "chunk": resources.chunk,
            "gpu": resources.use_gpu,
            "deterministic": resources.deterministic,
        },
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch could not get memory, on a GPU or from its allocator for CPUs."""
    import torch

    from raytd.engine.on_ray.executor import local_cause

    cause = local_cause(error)
    if isinstance(cause, torch.OutOfMemoryError | MemoryError):
        return True
    signs = ("DefaultCPUAllocator: ", "ALLOC_FAILED")
    return isinstance(cause, RuntimeError) and any(sign in str(cause) for sign in signs)


def is_transient(error: BaseException) -> bool:
    """Whether a cause outside the trial made it fail: a lost process or node, a wait, storage.

    Whatever else fails, fails in the same way the next time: trials are deterministic.
    """
    from ray.exceptions import RayError, RayTaskError

    if isinstance(error, RayTaskError):
        return False
    return isinstance(error, RayError | OSError | StorageError | WaitTimeoutError | WorkerLostError)


def with_chunk(trial: Trial, chunk: int) -> Trial:
    """The same trial with another chunk."""
    resources = trial.config.resources.model_copy(update={"chunk": chunk})
    return trial.placed(trial.config.model_copy(update={"resources": resources}))


def one_line(error: BaseException) -> str:
    """What a results table says of an error: its own line, or its type and first line."""
    return first_line(error) if isinstance(error, RaytdError) else in_one_line(error)

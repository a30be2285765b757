"""One trial: its key, its run, and the row that a results table holds of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np

from raytd.engine.executor import Launcher
from raytd.engine.records import Iteration
from raytd.engine.setup.context import Context, Pair, source_recipe
from raytd.learning.sources import OnTraining, Origin, SourceCache
from raytd.methods.paths.result import DistanceResult
from raytd.methods.registry import METHODS
from raytd.methods.score import Score
from raytd.methods.work import Work
from raytd.models.weights import file_digest
from raytd.models.zoo import code_digest
from raytd.rows.row import Row
from raytd.storage.cache import address
from raytd.storage.path import StoragePath
from raytd.sweep.trials.expand import TrialConfig
from raytd.sweep.trials.sharing import leaks
from raytd.tasks.task import Task

_FORMAT = 1
"""Part of every trial key; raised when the meaning of a result changes."""


@dataclass(frozen=True)
class Trial:
    """A configured trial with the data it works on."""

    config: TrialConfig
    source: Task
    target: Task

    @cached_property
    def key(self) -> str:
        """Identity of the answer: configuration, data, and users' code and weights; 16 hex digits.

        Data enter by their content: where they lie and what their file is called does not matter.

        Raises:
            InputError: if the weights cannot be read.
        """
        brought = {"code": code_digest(self.config.model)}
        if self.config.trajectory.reference is not None:
            brought["reference_code"] = code_digest(self.config.trajectory.reference)
        files = self.config.settings.files()
        brought |= {f"probe_{key}": file_digest(Path(path)) for key, path in files.items()}
        if self.config.weights is not None:
            brought["weights"] = file_digest(Path(self.config.weights))
        identity = self.config.identity()
        settings = {k: v for k, v in identity.items() if k not in ("source", "target")}
        if files:
            section = str(METHODS[self.config.method].section)
            settings[section] = settings[section] | dict.fromkeys(files)
        content = {
            "format": _FORMAT,
            "config": settings | {k: v for k, v in brought.items() if v is not None},
            "source": self.source.digest,
            "target": self.target.digest,
        }
        return address(content)

    def placed(self, config: TrialConfig) -> "Trial":
        """The same trial with other resources, which are no part of its key."""
        moved = replace(self, config=config)
        vars(moved)["key"] = self.key
        return moved

    @cached_property
    def work(self) -> Work | None:
        """What it computes; None for a method whose parts are not counted."""
        config, method = self.config, METHODS[self.config.method]
        return method.work(config.settings, config.trajectory, self.source, self.target)

    @property
    def pair(self) -> Pair:
        """What the method works on."""
        config = self.config
        weights = None if config.weights is None else Path(config.weights)
        return Pair(self.source, self.target, config.model, config.seed, weights)

    def networks(self) -> list[tuple[Task, Origin]]:
        """Every network that it needs trained before it starts."""
        config, method = self.config, METHODS[self.config.method]
        return method.trained(self.pair, config.settings, config.pretrain, config.trajectory)

    def columns(self) -> Row:
        """What is known of the trial before it runs, in the order of a results table."""
        config, method = self.config, METHODS[self.config.method]
        known = {
            "trial_key": self.key,
            "status": "missing",
            "error": None,
            "protocol": config.protocol(),
            "method": config.method,
            "model": config.model,
            "source": config.source.name,
            "target": config.target.name,
            "seed": config.seed,
            "source_digest": self.source.digest,
            "target_digest": self.target.digest,
            **_guessing(self.source),
            **{axis: v for axis, v in config.axes.items() if axis not in ("model", "seed")},
            "unit": method.unit,
            "smaller_is_closer": method.smaller_is_closer,
            "threads": config.resources.threads,
            "chunk": config.resources.chunk,
            "raytd_version": version("raytd"),
        }
        return cast(Row, known)  # which has a key for each axis, too


def _guessing(source: Task) -> dict[str, Any]:
    """What a source model's accuracy is held against: the share of the largest class."""
    labels = source.val.labels
    share = float(np.bincount(labels).max() / len(labels)) if len(labels) else None
    return {"source_val_images": len(labels), "source_chance": share}


def run_trial(
    trial: Trial,
    *,
    launch: Launcher,
    sources: StoragePath | None,
    on_iteration: Callable[[Iteration], None] = lambda _: None,
    on_training: OnTraining = lambda *_: None,
) -> tuple[DistanceResult | Score, Row]:
    """Runs a trial; returns its result and its row.

    Args:
        trial: what to run.
        launch: where.
        sources: folder of the source cache; None keeps sources in memory.
        on_iteration: called with each iteration as it ends.
        on_training: called while a network is being trained for it.
    """
    config = trial.config
    context = Context(
        launch=launch,
        sources=SourceCache(
            sources,
            use_gpu=config.resources.use_gpu,
            deterministic=config.resources.deterministic,
            threads=config.resources.threads,
            on_training=on_training,
        ),
        trajectory=config.trajectory,
        pretrain=config.pretrain,
        stop=config.stop,
        resources=config.resources,
        on_iteration=on_iteration,
    )
    origin = source_recipe(trial.pair, config.pretrain)
    started = time.monotonic()
    result = METHODS[config.method].compute(trial.pair, config.settings, context)
    if config.resources.use_gpu and not config.resources.deterministic:
        result = replace(result, warnings=(*result.warnings, _NOT_DETERMINISTIC))
    if found := leaks(trial.source, trial.target):
        result = replace(result, warnings=(*result.warnings, *found))
    wall_s = time.monotonic() - started
    row = cast(Row, {**trial.columns(), **result.columns(), "status": "done", "wall_s": wall_s})
    if (source := context.sources.held(trial.source, origin)) is not None:
        row |= {"source_accuracy": source.accuracy, "source_weights": source.digest}
    return result, row


_NOT_DETERMINISTIC = (
    "GPUs were free to round differently each time (resources.deterministic is off): another run "
    "may have other last bits"
)


def sgd_steps_of(trial: Trial) -> int | None:
    """The column of that name, where the settings say it before the trial runs."""
    config = trial.config
    n_source, n_target = (len(task.train.labels) for task in (trial.source, trial.target))
    method = METHODS[config.method]
    return method.sgd_steps(config.settings, config.trajectory, n_source, n_target)


def failed_row(trial: Trial, error: str, *, transient: bool, wall_s: float | None = None) -> Row:
    """The row of a trial that has no result.

    Args:
        trial: that failed.
        error: one line.
        transient: whether it was for a cause outside the trial, so that it may pass the next time.
        wall_s: seconds until it failed, where they are known.
    """
    said: Row = {"status": "failed", "error": error, "transient": transient, "wall_s": wall_s}
    return {**trial.columns(), **said}

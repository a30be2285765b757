"""What a trial works on, and what every method shares while it runs."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from raytd.engine.config import PretrainConfig, ResourcesConfig, StopConfig, TrajectoryConfig
from raytd.engine.executor import Launcher
from raytd.engine.records import Iteration
from raytd.engine.sources import Recipe, SourceCache, steps_of
from raytd.tasks.task import Task


@dataclass(frozen=True)
class Pair:
    """An ordered pair of tasks with a network and the seed of the run."""

    source: Task
    target: Task
    model: str
    seed: int

    @property
    def is_self(self) -> bool:
        """Whether source and target are the same images."""
        return self.source.digest == self.target.digest


@dataclass(frozen=True)
class Context:
    """What every method shares.

    Attributes:
        launch: runs a coordinator and its workers.
        sources: the cache of trained networks.
        trajectory: how the weights follow the interpolated task.
        pretrain: how sources are trained.
        stop: when iterations end early.
        resources: threads, chunk and device of the workers.
        on_iteration: called with each iteration as it ends.
    """

    launch: Launcher
    sources: SourceCache
    trajectory: TrajectoryConfig
    pretrain: PretrainConfig
    stop: StopConfig
    resources: ResourcesConfig
    on_iteration: Callable[[Iteration], None]


def networks(
    pair: Pair, pretrain: PretrainConfig, trajectory: TrajectoryConfig
) -> list[tuple[Task, Recipe]]:
    """Every network that a trial needs trained before it starts."""
    reference = speed_reference(pair, trajectory)
    sources = [pair] if reference is None else [pair, reference]
    return [
        *((p.source, source_recipe(p, pretrain)) for p in sources),
        (pair.target, reference_recipe(pair, pretrain, trajectory)),
    ]


def speed_reference(pair: Pair, trajectory: TrajectoryConfig) -> Pair | None:
    """The same tasks with the network whose speed is to be matched, if one is."""
    if trajectory.match == "lr" or trajectory.reference is None:
        return None
    return replace(pair, model=trajectory.reference)


def source_recipe(pair: Pair, pretrain: PretrainConfig) -> Recipe:
    """How the source model of a pair is trained."""
    steps = steps_of(pretrain.epochs, len(pair.source.train.labels), pretrain.batch_size)
    return _recipe(pair, pretrain, steps, pretrain.batch_size)


def reference_recipe(pair: Pair, pretrain: PretrainConfig, trajectory: TrajectoryConfig) -> Recipe:
    """How the network learns the target from scratch with the budget of one trajectory.

    Steps and batch size are the trajectory's; rate and schedule are those of pre-training, because
    a rate that suits a trained network need not suit a fresh one.
    """
    steps = trajectory.sgd_steps(len(pair.source.train.labels))
    return _recipe(pair, pretrain, steps, trajectory.batch_size)


def _recipe(pair: Pair, pretrain: PretrainConfig, steps: int, batch_size: int) -> Recipe:
    return Recipe(
        model=pair.model,
        steps=steps,
        batch_size=batch_size,
        lr=pretrain.lr,
        momentum=pretrain.momentum,
        weight_decay=pretrain.weight_decay,
        schedule=pretrain.schedule,
        seed=pair.seed,
    )

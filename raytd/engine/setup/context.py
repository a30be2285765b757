"""What a trial works on, and what every method shares while it runs."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from raytd.engine.config import PretrainConfig, ResourcesConfig, StopConfig, TrajectoryConfig
from raytd.engine.executor import Launcher
from raytd.engine.records import Iteration
from raytd.learning.pretrain import Recipe, steps_of
from raytd.learning.sources import Given, SourceCache
from raytd.models import zoo
from raytd.tasks.task import Task
from raytd.transfer.settings import Descent


@dataclass(frozen=True)
class Pair:
    """An ordered pair of tasks with a network and the seed of the run.

    Attributes:
        source: where the network was trained.
        target: where it goes.
        model: name in the zoo.
        seed: of the run.
        weights: file of a source model that the user brings; None trains one.
    """

    source: Task
    target: Task
    model: str
    seed: int
    weights: Path | None = None

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
) -> list[tuple[Task, Recipe | Given]]:
    """Every network that a trial needs trained before it starts."""
    reference = speed_reference(pair, trajectory)
    sources = [pair] if reference is None else [pair, reference]
    return [
        *((p.source, source_recipe(p, pretrain)) for p in sources),
        (pair.target, reference_recipe(pair, pretrain, trajectory)),
    ]


def speed_reference(pair: Pair, trajectory: TrajectoryConfig) -> Pair | None:
    """The same tasks with the network whose speed is to be matched, if one is; it is trained."""
    if trajectory.match == "lr" or trajectory.reference is None:
        return None
    return replace(pair, model=trajectory.reference, weights=None)


def source_recipe(pair: Pair, pretrain: PretrainConfig) -> Recipe | Given:
    """How the source model of a pair is trained, or where the user's own is.

    Raises:
        InputError: in one line, if the user's weights cannot be read.
    """
    if pair.weights is not None:
        return Given.of(pair.weights, model=pair.model, seed=pair.seed)
    steps = steps_of(pretrain.epochs, len(pair.source.train.labels), pretrain.batch_size)
    recipe = _recipe(pair, pretrain, steps, pretrain.batch_size)
    if pretrain.early_stop == "none":
        return recipe
    return replace(recipe, early_stop=pretrain.early_stop, patience=pretrain.patience)


def reference_recipe(pair: Pair, pretrain: PretrainConfig, trajectory: TrajectoryConfig) -> Recipe:
    """How the network learns the target from scratch with the budget of one trajectory.

    Steps and batch size are the trajectory's; rate, schedule and augmentation are those of
    pre-training, because a rate that suits a trained network need not suit a fresh one. Milestones
    stay at their share of the way, and nothing ends it early.
    """
    steps = trajectory.sgd_steps(len(pair.source.train.labels))
    return _recipe(pair, pretrain, steps, trajectory.batch_size)


def source_warning(pair: Pair, pretrain: PretrainConfig, accuracy: float) -> str | None:
    """What a result says of a source below the stated accuracy; None if there is nothing to say."""
    if pretrain.min_accuracy is None or accuracy >= pretrain.min_accuracy:
        return None
    return (
        f"the source model {pair.model} of {pair.source.name} reaches {accuracy:.3f} on its "
        f"validation images, less than pretrain.min_accuracy = {pretrain.min_accuracy:g}; train it "
        "for longer or at another rate"
    )


def _recipe(pair: Pair, pretrain: PretrainConfig, steps: int, batch_size: int) -> Recipe:
    recipe = Recipe(
        model=zoo.canonical(pair.model),
        steps=steps,
        descent=Descent.part_of(pretrain, batch_size=batch_size),
        schedule=pretrain.schedule,
        seed=pair.seed,
        augment=pretrain.augment,
        code=zoo.code_digest(pair.model),
    )
    if pretrain.schedule != "step":
        return recipe
    drops = tuple(math.ceil(m * steps / pretrain.epochs) for m in pretrain.milestones)
    return replace(recipe, drops=drops, gamma=pretrain.gamma)

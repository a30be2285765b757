"""The networks that trials need trained, and whether those that a sweep names can be used."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from raytd.errors import InputError
from raytd.learning.pretrain import Recipe
from raytd.learning.sources import Origin, SourceCache, source_key
from raytd.storage.path import StoragePath
from raytd.sweep.trials.expand import TrialConfig
from raytd.sweep.trials.trial import Trial
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import Task


@dataclass(frozen=True)
class Network:
    """A network that is to be trained before trials start.

    Attributes:
        key: of the source cache.
        task: that it learns.
        origin: how.
        trial: one that needs it.
        number: its place among all that are to be trained, counted from 1.
        of: how many these are.
    """

    key: str
    task: Task
    origin: Origin
    trial: Trial
    number: int
    of: int

    @property
    def name(self) -> str:
        """In words."""
        return f"{self.origin.model} on {self.task.name} (seed {self.origin.seed})"

    @property
    def is_supplied(self) -> bool:
        """Whether the user brings its weights, so that they are read and nothing is trained."""
        return not isinstance(self.origin, Recipe)

    @property
    def steps(self) -> int:
        """SGD steps, at most; a network that the user brings takes none."""
        return self.origin.steps if isinstance(self.origin, Recipe) else 0

    @property
    def cpus(self) -> float:
        """What its training asks for.

        Without a GPU it keeps a core busy, however small a share a block actor takes: more of them
        at once would each pay for a process and end no sooner.
        """
        resources = self.trial.config.resources
        return resources.cpus_per_actor if resources.use_gpu else max(1, resources.cpus_per_actor)


def missing_networks(trials: Iterable[Trial], sources: StoragePath | None) -> list[Network]:
    """Sources, and references on targets, that are not in the cache; each once."""
    cache = SourceCache(sources)
    found: dict[str, tuple[Task, Origin, Trial]] = {}
    for trial in trials:
        for task, origin in trial.networks():
            key = source_key(task, origin)
            if key not in found and not cache.has(task, origin):
                found[key] = (task, origin, trial)
    return [Network(key, *rest, n, len(found)) for n, (key, rest) in enumerate(found.items(), 1)]


def network_problems(configs: Sequence[TrialConfig], tasks: Mapping[TaskSpec, Task]) -> list[str]:
    """What is wrong with users' models and weights, in words.

    A model of other people's code runs once forward for every shape of image; weights are read and
    fitted to every source that they are for.
    """
    from raytd.learning.devices import pick_device
    from raytd.learning.sources import Given, given_model
    from raytd.models import zoo
    from raytd.models.check import check_model

    shapes: dict[tuple[str, tuple[int, int, int]], int] = {}
    given: dict[tuple[str, str, TaskSpec], Task] = {}
    for config in configs:
        for task in (tasks[config.source], tasks[config.target]):
            for model in (config.model, config.trajectory.reference):
                if model is not None and not zoo.is_own(model):
                    shapes.setdefault((model, task.image_shape), len(task.classes))
        if config.weights is not None:
            given.setdefault((config.model, config.weights, config.source), tasks[config.source])
    problems: dict[str, None] = {}
    for (model, shape), n_classes in shapes.items():
        try:
            check_model(model, image_shape=shape, n_classes=n_classes)
        except InputError as error:
            problems[str(error)] = None
    for (model, path, _), task in given.items():
        try:
            given_model(task, Given.of(Path(path), model=model, seed=0), device=pick_device(False))
        except InputError as error:
            problems[str(error)] = None
    return list(problems)

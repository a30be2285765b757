"""Whether the networks that a sweep names can be used on its tasks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from raytd.errors import InputError
from raytd.sweep.expand import TrialConfig
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import Task


def network_problems(configs: Sequence[TrialConfig], tasks: Mapping[TaskSpec, Task]) -> list[str]:
    """What is wrong with users' models and weights, in words.

    A model of other people's code runs once forward for every shape of image; weights are read and
    fitted to every source that they are for.
    """
    from raytd.engine.devices import pick_device
    from raytd.engine.sources import Given, given_model
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

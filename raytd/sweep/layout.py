"""What a sweep file holds, once names are resolved and everything is checked."""

from string import Formatter
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from raytd.engine.config import (
    Count,
    PretrainConfig,
    ResourcesConfig,
    Settings,
    StopConfig,
    TrajectoryConfig,
    as_tuple,
)
from raytd.methods.coupled import CoupledConfig
from raytd.sweep.wording import did_you_mean
from raytd.tasks.spec import Channels, Size, SubsetSeed, TaskSpec


def _known_model(name: str) -> str:
    from raytd.models.zoo import names, problem_with

    problem = problem_with(name)
    if problem is not None:
        raise ValueError(problem + did_you_mean(name, names()))
    return name


def _not_reserved(name: str) -> str:
    if name == "sources":
        raise ValueError("'sources' is the folder of the trained source models; take another name")
    return name


def _known_fields(path: str) -> str:
    try:
        fields = [field for _, *field in Formatter().parse(path) if field[0] is not None]
    except ValueError as error:
        raise ValueError(f"braces that do not match ({error})") from error
    unknown = [name for name, *how in fields if name not in WEIGHTS_FIELDS or any(how)]
    if unknown:
        there = ", ".join(f"{{{name}}}" for name in WEIGHTS_FIELDS)
        raise ValueError(f"{{{unknown[0]}}} in the path is not understood; there are {there}")
    return path


WEIGHTS_FIELDS = ("source", "model", "seed")
"""What may stand in braces in the path of weights."""

Name = Annotated[
    str,
    Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"),
    AfterValidator(_not_reserved),
]
ModelName = Annotated[str, AfterValidator(_known_model)]
WeightsPath = Annotated[str, Field(min_length=1), AfterValidator(_known_fields)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Scalar = str | int | float | bool | None


class Label(Settings):
    """What reports call a sweep.

    Attributes:
        name: also the folder under the storage.
        description: for the reader of the results.
    """

    name: Name
    description: str = ""


class Choices(Settings):
    """What a trial fixes outside the sections.

    Attributes:
        model: a name of the zoo, `torchvision:NAME`, or `package.module:factory(key=value, …)`.
        weights: file of a trained source model; `{source}`, `{model}` and `{seed}` in the path
            stand for those of the trial. None trains one.
        seed: of the initial weights, the order of the images, the tiles and the mixing.
    """

    model: ModelName = "cnn8-narrow"
    weights: WeightsPath | None = None
    seed: Seed = 0


class DataConfig(Settings):
    """What holds for all tasks that say nothing else, and where tasks and data come from.

    Attributes:
        train: training images of a task; None is every one there is.
        val: validation images, likewise.
        size: height and width that images are resized to; None leaves them as they are.
        channels: 1 makes images grey, 3 gives them colour; None leaves them as they are.
        seed: which images are taken where not all are; None is 0.
        download: whether what is missing of torchvision's data sets may be fetched.
        catalogue: a file of further tasks; None is that of RAYTD_CATALOGUE, or none.
    """

    train: Count | None = None
    val: Count | None = None
    size: Size | None = None
    channels: Channels | None = None
    seed: SubsetSeed | None = None
    download: bool = False
    catalogue: Annotated[str, Field(min_length=1)] | None = None


class TrackingConfig(Settings):
    """How the tracking server shows the sweep.

    Attributes:
        experiment: that holds it; None is one of the sweep's own name.
        system_metrics: whether the actors' processor time and memory are sent with each iteration.
    """

    experiment: Annotated[str, Field(min_length=1)] | None = None
    system_metrics: bool = False


class SweepSpec(Choices, Label):
    """A sweep in which every name is resolved.

    Attributes:
        tasks: with their image counts.
        pairs: names of source and target.
        methods: names in the registry of methods.
        grid: values of each axis; an axis is `model`, `seed` or `section.key`.
    """

    tasks: Annotated[tuple[TaskSpec, ...], BeforeValidator(as_tuple)]
    pairs: tuple[tuple[str, str], ...]
    methods: tuple[str, ...]
    grid: dict[str, tuple[Scalar, ...]] = {}
    data: DataConfig = DataConfig()
    coupled: CoupledConfig = CoupledConfig()
    trajectory: TrajectoryConfig = TrajectoryConfig()
    pretrain: PretrainConfig = PretrainConfig()
    stop: StopConfig = StopConfig()
    resources: ResourcesConfig = ResourcesConfig()
    tracking: TrackingConfig = TrackingConfig()

    def task(self, name: str) -> TaskSpec:
        """The task of that name."""
        return next(task for task in self.tasks if task.name == name)


SECTIONS: dict[str, type[Settings]] = {
    name: field.annotation
    for name, field in SweepSpec.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Settings)
}
"""The sections of a sweep file by name."""

KEYS = (*SweepSpec.model_fields, "profile", "profiles")
"""Every key at the top of a sweep file."""

FIXED = ("data", "resources", "tracking")
"""Sections whose keys cannot be axes: they do not change an answer, or change what a task is."""


NO_AXES = ("pretrain.milestones",)
"""Keys that hold a list, while an axis has one value a cell."""


def axis_keys() -> dict[str, None]:
    """Every key that can be an axis, in order."""
    own = [f"{s}.{key}" for s, m in SECTIONS.items() if s not in FIXED for key in m.model_fields]
    return dict.fromkeys(key for key in (*Choices.model_fields, *own) if key not in NO_AXES)

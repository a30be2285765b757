"""What a sweep file holds, once names are resolved and everything is checked."""

from string import Formatter
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, create_model

from raytd.checked import Count
from raytd.engine.config import (
    ModelName,
    PretrainConfig,
    ResourcesConfig,
    Settings,
    StopConfig,
    TrajectoryConfig,
    UserPath,
    as_tuple,
)
from raytd.errors import RequestError
from raytd.methods.registry import COLUMNS, sections
from raytd.sweep.document.wording import did_you_mean
from raytd.tasks.spec import Background, Channels, Range, Size, SubsetSeed, TaskSpec


def _known_metric(name: str) -> str:
    known = metrics()
    if name not in known:
        there = f"; there are {', '.join(known)}"
        raise ValueError(f"unknown result column '{name}'{did_you_mean(name, known) or there}")
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
WeightsPath = Annotated[UserPath, AfterValidator(_known_fields)]
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
        range: the values of pixels that become black and white, such as [0, 4095]; None finds them
            in the training images.
        background: what transparent pixels show; None is white.
        seed: which images are taken where not all are; None is 0.
        download: whether what is missing of torchvision's data sets may be fetched.
        catalogue: a file of further tasks; None is that of RAYTD_CATALOGUE, or none.
    """

    train: Count | None = None
    val: Count | None = None
    size: Size | None = None
    channels: Channels | None = None
    range: Range | None = None
    background: Background | None = None
    seed: SubsetSeed | None = None
    download: bool = False
    catalogue: UserPath | None = None


class TrackingConfig(Settings):
    """How the tracking server shows the sweep.

    Attributes:
        experiment: that holds it; None is one of the sweep's own name.
        system_metrics: whether the actors' processor time and memory are sent with each iteration.
    """

    experiment: Annotated[str, Field(min_length=1)] | None = None
    system_metrics: bool = False


class Condition(Settings):
    """Keys that take values of their own in some cells of the grid.

    Attributes:
        when: values of axes of the grid; a cell that has one of them for each axis is meant.
        set: what other keys are in such a cell.
    """

    when: dict[str, tuple[Scalar, ...]]
    set: dict[str, Scalar]


Kind = Literal["loguniform", "uniform", "integer", "choice"]
Distribution = dict[Kind, tuple[Scalar, ...]]
"""One kind with its ends, both possible, or with its choices."""


class SearchConfig(Settings):
    """What is searched in each cell: by pair, by method and by combination of the grid.

    Attributes:
        space: how each searched axis is distributed.
        metric: the numeric result column that is optimised.
        mode: whether less of it is better, or more.
        trials: of each cell.
    """

    space: dict[str, Distribution]
    metric: Annotated[str, AfterValidator(_known_metric)] = "distance"
    mode: Literal["min", "max"] = "min"
    trials: Count


class _SweepSpec(Choices, Label):
    """A sweep in which every name is resolved.

    It has the sections of methods as well.

    Attributes:
        tasks: with their image counts.
        pairs: names of source and target.
        methods: names in the registry of methods.
        grid: values of each axis; an axis is `model`, `seed` or `section.key`.
        where: what other keys are in some cells of the grid; a later condition outranks.
        search: what is searched in each cell; None searches nothing.
    """

    tasks: Annotated[tuple[TaskSpec, ...], BeforeValidator(as_tuple)]
    pairs: tuple[tuple[str, str], ...]
    methods: tuple[str, ...]
    grid: dict[str, tuple[Scalar, ...]] = {}
    where: tuple[Condition, ...] = ()
    search: SearchConfig | None = None
    data: DataConfig = DataConfig()
    trajectory: TrajectoryConfig = TrajectoryConfig()
    pretrain: PretrainConfig = PretrainConfig()
    stop: StopConfig = StopConfig()
    resources: ResourcesConfig = ResourcesConfig()
    tracking: TrackingConfig = TrackingConfig()

    def task(self, name: str) -> TaskSpec:
        """The task of that name."""
        return next(task for task in self.tasks if task.name == name)


if taken := sections().keys() & _SweepSpec.model_fields.keys():
    raise RequestError(
        f"a method has the section '{min(taken)}', which is a key of every sweep file; mend or "
        "uninstall the distribution that brings it"
    )

if TYPE_CHECKING:
    SweepSpec = _SweepSpec
else:
    SweepSpec = create_model(
        "SweepSpec",
        __base__=_SweepSpec,
        **{name: (kind, kind()) for name, kind in sections().items()},
    )

SECTIONS: dict[str, type[Settings]] = {
    "data": DataConfig,
    **sections(),
    "trajectory": TrajectoryConfig,
    "pretrain": PretrainConfig,
    "stop": StopConfig,
    "resources": ResourcesConfig,
    "tracking": TrackingConfig,
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


def metrics() -> list[str]:
    """Every column of the results that holds numbers which a trial finds."""
    return [name for name, column in COLUMNS.items() if column.is_number and column.is_result]

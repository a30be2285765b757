"""What a method says of itself: how it is asked for, what it reads and needs, and what it costs."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

from raytd.engine.config import (
    PathConfig,
    PretrainConfig,
    ResourcesConfig,
    Settings,
    TilingConfig,
    TrajectoryConfig,
)
from raytd.errors import InputError
from raytd.rows.column import Column, Scalar, declared
from raytd.rows.row import COMMON

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.learning.sources import Origin
    from raytd.methods.paths.result import DistanceResult
    from raytd.methods.score import Score
    from raytd.methods.work import Work
    from raytd.tasks.task import Task

Network = Literal["source", "target", "reference"]
"""A network that is trained before a method runs: the source model; that of the target by the same
recipe; what learns the target from scratch with the budget of a trajectory."""

SHARED = ("trajectory", "pretrain", "stop")
"""The sections of a sweep file that several methods may obey."""

Sections = Mapping[str, Settings]
"""The sections of a sweep file by name, as they are in one cell of its grid."""


@dataclass(frozen=True)
class Processes:
    """What of a trial runs where.

    Attributes:
        computing: processes that compute, each with the GPUs and CPUs of an actor.
        coordinator: whether the trial's own process and a coordinator stand beside them.
    """

    computing: int = 1
    coordinator: bool = False


@dataclass(frozen=True)
class Method:
    """A distance or a score that can be swept, computed in the process of its trial.

    What is computed on blocks of pairs by actors is a `raytd.methods.on_blocks.OnBlocks`.

    Attributes:
        name: in sweep files and results.
        unit: of its value: `rad`, `nats`, `accuracy`, or `1` where it has none.
        smaller_is_closer: how to read it.
        settings: the class of its settings.
        section: of the sweep file that holds them; None where it has none.
        run: (pair, settings, context) to result.
        costs: what a trial computes, in words.
        obeys: those of `SHARED` that it obeys.
        needs: networks that are trained for it.
        fixed: keys of the trajectory that it sets itself.
        figures: a `TypedDict` whose keys are the columns that its results have beside those that
            all results may have.
    """

    name: str
    unit: str
    smaller_is_closer: bool
    settings: type[Settings]
    section: str | None
    run: "Callable[[Any, Any, Any], DistanceResult | Score]"
    costs: str
    obeys: tuple[str, ...] = ("pretrain",)
    needs: tuple[Network, ...] = ("source",)
    fixed: Mapping[str, str] = field(default_factory=dict)
    figures: type | None = None

    @property
    def summary(self) -> str:
        """The first line of the file that it stands in."""
        return (sys.modules[self.run.__module__].__doc__ or "").strip().partition("\n")[0]

    def settings_from(self, sections: Sections) -> Settings:
        """The part of a sweep's section that it obeys."""
        if self.section is None:
            return self.settings()
        return self.settings.part_of(sections[self.section])

    def reads(self, key: str) -> bool:
        """Whether it obeys a key at all; a dotted key is one of a section."""
        section, _, name = key.rpartition(".")
        if section and section == self.section:
            return name in self.settings.model_fields
        if key == "weights":
            return "source" in self.needs
        if section == "trajectory" and name in self.fixed:
            return False
        return not section or section in self.obeys

    def why_idle(self, key: str, settings: Settings, section: Settings | None = None) -> str | None:
        """Why another value of a key that it reads would change nothing; None if it would.

        Args:
            key: a dotted one is of a section.
            settings: of the method.
            section: the shared section that the key is of, or None.
        """
        within, _, name = key.rpartition(".")
        if key in ("weights", "pretrain.min_accuracy") and "source" not in self.networks(settings):
            return _NO_SOURCE
        if key.startswith("pretrain.") and not self.networks(settings):
            return _NO_SOURCE
        of = settings if within and within == self.section else section
        reason = None if of is None else of.idle().get(name)
        return None if reason is None else f"{within}.{reason}"

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The columns that its results have beside those that all results may have."""
        return {} if self.figures is None else declared(self.figures)

    def has_number(self, column: str) -> bool:
        """Whether its results have that column, and numbers in it."""
        known = {name: COMMON[name] for name in _ALWAYS} | self.columns
        return column in known and known[column].is_number

    def networks(self, settings: Settings) -> tuple[Network, ...]:
        """The networks that it needs with these settings."""
        return self.needs if settings.sees_source() else ()

    def trained(
        self,
        pair: "Pair",
        settings: Settings,
        pretrain: PretrainConfig,
        trajectory: TrajectoryConfig,
    ) -> "list[tuple[Task, Origin]]":
        """Every network that a trial needs trained before it starts, with the task it learns."""
        from raytd.engine.setup.context import source_recipe

        ends = {"source": pair, "target": replace(pair, source=pair.target, weights=None)}
        needed = [ends[name] for name in self.networks(settings)]
        return [(end.source, source_recipe(end, pretrain)) for end in needed]

    def protocol(self, settings: Settings, trajectory: TrajectoryConfig) -> dict[str, Any]:
        """What fixes the scale of its numbers, as JSON-able data."""
        return settings.model_dump(mode="json", exclude={*settings.idle(), *settings.of_old()})

    def params(self, settings: Settings) -> dict[str, Any]:
        """What a tracker shows beside its settings, by name."""
        return {}

    def problems(self, settings: Settings, source: "Task", target: "Task") -> list[str]:
        """What is wrong with its settings for two tasks, in words."""
        return []

    def processes(self, settings: Settings, resources: ResourcesConfig) -> Processes:
        """Where a trial computes."""
        return Processes()

    @property
    def after_loss(self) -> str:
        """What a trial does whose process was lost."""
        return "it begins again"

    def sgd_steps(
        self, settings: Settings, trajectory: TrajectoryConfig, n_source: int, n_target: int
    ) -> int | None:
        """The column of that name for so many training images; None where only a run tells."""
        return settings.sgd_steps(n_target)

    def batch_size(self, settings: Settings, trajectory: TrajectoryConfig) -> int:
        """Images, or pairs, of an SGD step."""
        own = settings.model_dump(include={"batch_size"})
        return int(own.get("batch_size", trajectory.batch_size))

    def paths(self, settings: Settings, trajectory: TrajectoryConfig) -> Sequence[PathConfig]:
        """Paths of which one process keeps what is measured at their next knots."""
        return settings.paths()

    def tiling(self, settings: Settings) -> TilingConfig:
        """How a trial deals its pairs; the default where it has none to deal."""
        return TilingConfig()

    def iterations(self, settings: Settings) -> int:
        """How often the work is done, at most."""
        return 1

    def work(
        self, settings: Settings, trajectory: TrajectoryConfig, source: "Task", target: "Task"
    ) -> "Work | None":
        """What a trial computes; None where its parts are not counted."""
        return None

    def compute(
        self, pair: "Pair", settings: Settings, context: "Context"
    ) -> "DistanceResult | Score":
        """Runs it, with as many threads as a worker has."""
        from raytd.learning.devices import torch_threads

        with torch_threads(context.resources.threads):
            score = cast("Score", self.run(pair, settings, context))
        self._check(score.figures)
        return replace(score, unit=self.unit, smaller_is_closer=self.smaller_is_closer)

    def _check(self, figures: Mapping[str, Scalar]) -> None:
        """Refuses a figure that is not what its column declares, or that none declares."""
        known = COMMON | self.columns
        wrong = [
            f"{name} = {value!r}"
            for name, value in figures.items()
            if name not in known or not (value is None or known[name].holds(value))
        ]
        if wrong:
            raise InputError(
                f"the method {self.name} gives {', '.join(wrong)}, which its figures do not "
                "declare so; name each with its type in the TypedDict of the method"
            )


_ALWAYS = ("value", "sgd_steps", "forward_images", "wall_s")
"""Numbers that every result has."""

_NO_SOURCE = "no listed method looks at the source model with these settings"

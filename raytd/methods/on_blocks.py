"""Methods whose work is done on blocks of pairs, by actors, along a trajectory."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raytd.engine.config import (
    PathConfig,
    PretrainConfig,
    ResourcesConfig,
    Settings,
    TilingConfig,
    TrajectoryConfig,
)
from raytd.methods.method import Method, Network, Processes
from raytd.rows.row import COMMON
from raytd.words import counted

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.learning.sources import Origin
    from raytd.methods.paths.result import DistanceResult
    from raytd.methods.score import Score
    from raytd.methods.work import Work
    from raytd.tasks.task import Task

_SCALE = (
    "segments",
    "averaging",
    "steps",
    "epochs",
    "batch_size",
    "lr",
    "momentum",
    "weight_decay",
    "mixing",
    "labels",
    "sync",
    "schedule",
    "augment",
    "precision",
    "match",
    "reference",
)
"""What of a trajectory fixes the scale of its length, beside the number of blocks."""


@dataclass(frozen=True)
class OnBlocks(Method):
    """A length of a path through interpolated tasks; its settings are a `TilingConfig`."""

    obeys: tuple[str, ...] = ("trajectory", "pretrain")
    needs: tuple[Network, ...] = ("source", "reference")

    def has_number(self, column: str) -> bool:
        """All that results may have in common was made for these methods."""
        return column in COMMON and COMMON[column].is_number

    def networks(self, settings: Settings) -> tuple[Network, ...]:
        """The path starts at w^s whatever chooses the coupling."""
        return self.needs

    def trained(
        self,
        pair: "Pair",
        settings: Settings,
        pretrain: PretrainConfig,
        trajectory: TrajectoryConfig,
    ) -> "list[tuple[Task, Origin]]":
        """Sources, also of the network whose speed is matched, and the reference on the target."""
        from raytd.engine.setup.context import networks

        return list(networks(pair, pretrain, trajectory))

    def protocol(self, settings: Settings, trajectory: TrajectoryConfig) -> dict[str, Any]:
        """What of the trajectory fixes the scale, and the blocks."""
        fixed = trajectory.model_dump(mode="json", include=set(_SCALE) - trajectory.of_old())
        return fixed | {"blocks": self.tiling(settings).blocks}

    def params(self, settings: Settings) -> dict[str, Any]:
        """How strongly a coupling is regularised, on the scale on which it is varied."""
        import math

        own = settings.model_dump(include={"epsilon", "lam"})
        return {f"log10_{name}": math.log10(value) for name, value in own.items()}

    def problems(self, settings: Settings, source: "Task", target: "Task") -> list[str]:
        """Images that make fewer tiles than there are blocks."""
        from raytd.transport.tiles import n_tiles

        tiling = self.tiling(settings)
        n_source, n_target = len(source.train.labels), len(target.train.labels)
        tiles = n_tiles(n_source, n_target, tiling.tile_size)
        if tiling.blocks <= tiles:
            return []
        return [
            f"{self.section}.blocks: {counted(tiling.blocks, 'block')}, but {source.name} and "
            f"{target.name} ({n_source} and {n_target} images) make {counted(tiles, 'tile')} of "
            f"side {tiling.tile_size}; "
            f"set {self.section}.blocks to at most {tiles}, or a smaller {self.section}.tile_size"
        ]

    def processes(self, settings: Settings, resources: ResourcesConfig) -> Processes:
        """Block actors, and a coordinator."""
        return Processes(resources.n_actors(self.tiling(settings).blocks), coordinator=True)

    @property
    def after_loss(self) -> str:
        """Checkpoints outlive every process."""
        return "it goes on from its checkpoint"

    def sgd_steps(
        self, settings: Settings, trajectory: TrajectoryConfig, n_source: int, n_target: int
    ) -> int:
        """Steps of one trajectory."""
        return trajectory.sgd_steps(n_source)

    def batch_size(self, settings: Settings, trajectory: TrajectoryConfig) -> int:
        """Pairs of a step."""
        return trajectory.batch_size

    def paths(self, settings: Settings, trajectory: TrajectoryConfig) -> Sequence[PathConfig]:
        """One path for all blocks, or one each."""
        return [trajectory] * (self.tiling(settings).blocks if trajectory.sync == "none" else 1)

    def tiling(self, settings: Settings) -> TilingConfig:
        """How the pairs are dealt."""
        assert isinstance(settings, TilingConfig)
        return settings

    def iterations(self, settings: Settings) -> int:
        """K: trajectories, at most."""
        return self.tiling(settings).most_iterations()

    def work(
        self, settings: Settings, trajectory: TrajectoryConfig, source: "Task", target: "Task"
    ) -> "Work":
        """What advancing and measuring take."""
        from raytd.methods.work import count

        return count(self.tiling(settings), trajectory, source, target)

    def compute(
        self, pair: "Pair", settings: Settings, context: "Context"
    ) -> "DistanceResult | Score":
        """Runs it; workers and coordinator see to their own threads."""
        return self.run(pair, settings, context)

"""The methods by name: the one place that a new distance is added to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from raytd.engine.config import Settings, TilingConfig
from raytd.methods import finetune, random, shared_classes, transfer, weight_distance
from raytd.methods.clouds import emd, otdd
from raytd.methods.fisher import task2vec
from raytd.methods.paths import coupled, coupled_aligned, mixture, ot_only, uncoupled
from raytd.methods.transferability import h_score, leep, logme, nce

if TYPE_CHECKING:
    from raytd.methods.paths.result import DistanceResult
    from raytd.methods.score import Score

Network = Literal["source", "target", "reference"]
"""A network that is trained before a method runs: the source model; that of the target by the same
recipe; what learns the target from scratch with the budget of a trajectory."""


@dataclass(frozen=True)
class Method:
    """A distance or a score that can be swept.

    Attributes:
        name: in sweep files and results.
        unit: of its value.
        smaller_is_closer: how to read it.
        config: its settings.
        section: section of the sweep file that holds them; None where it has none.
        run: (pair, config, context) to result.
        obeys: the shared sections that it obeys, among `trajectory`, `pretrain` and `stop`.
        networks: that it needs trained.
        fixed: keys of the trajectory that it sets itself.
        lengths: columns of a length that it has although it follows no interpolated task.
    """

    name: str
    unit: str
    smaller_is_closer: bool
    config: type[Settings]
    section: str | None
    run: "Callable[[Any, Any, Any], DistanceResult | Score]"
    obeys: tuple[str, ...] = ("pretrain",)
    networks: tuple[Network, ...] = ("source",)
    fixed: Mapping[str, str] = field(default_factory=dict)
    lengths: tuple[str, ...] = ()

    @property
    def on_blocks(self) -> bool:
        """Whether block actors do the work, along a trajectory; else the trial's own process."""
        return issubclass(self.config, TilingConfig)

    def has_column(self, column: str) -> bool:
        """Whether its results have that number, of those that a search may optimise."""
        return self.on_blocks or column in (*_COMMON, *self.lengths)

    def networks_for(self, settings: Settings) -> tuple[Network, ...]:
        """The networks that it needs with these settings: features may be of other making."""
        seen_by = getattr(settings, "features", None) or getattr(settings, "probe", "source")
        return self.networks if self.on_blocks or seen_by == "source" else ()


_COMMON = ("value", "sgd_steps", "forward_images", "wall_s")
"""Numbers that every result has."""

_ALONG: tuple[str, ...] = ("trajectory", "pretrain")
_BLOCKS: tuple[Network, ...] = ("source", "reference")

METHODS: dict[str, Method] = {
    m.name: m
    for m in (
        Method(
            "coupled", "rad", True, coupled.CoupledConfig, "coupled", coupled.run,
            obeys=(*_ALONG, "stop"), networks=_BLOCKS,
        ),
        Method(
            "coupled-aligned", "rad", True, coupled_aligned.CoupledAlignedConfig, "coupled",
            coupled_aligned.run, obeys=(*_ALONG, "stop"), networks=_BLOCKS,
            fixed=coupled_aligned.FIXED,
        ),
        Method(
            "uncoupled", "rad", True, uncoupled.UncoupledConfig, "coupled", uncoupled.run,
            obeys=_ALONG, networks=_BLOCKS,
        ),
        Method(
            "mixture", "rad", True, mixture.MixtureConfig, "coupled", mixture.run,
            obeys=_ALONG, networks=_BLOCKS, fixed=mixture.FIXED,
        ),
        Method(
            "ot-only", "rad", True, ot_only.OTOnlyConfig, "coupled", ot_only.run,
            obeys=_ALONG, networks=_BLOCKS,
        ),
        Method(
            "finetune", "1", True, finetune.FinetuneConfig, "finetune", finetune.run,
            lengths=("distance", "fisher_rao_length", "noise_free_length"),
        ),
        Method("transfer", "accuracy", False, transfer.TransferConfig, "transfer", transfer.run),
        Method(
            "weight-distance", "1", True, weight_distance.WeightDistanceConfig, "weight_distance",
            weight_distance.run, networks=("source", "target"),
        ),
        Method("task2vec", "1", True, task2vec.Task2VecConfig, "task2vec", task2vec.run),
        Method("emd", "1", True, emd.EMDConfig, "emd", emd.run),
        Method("otdd", "1", True, otdd.OTDDConfig, "otdd", otdd.run),
        Method("leep", "nats", False, leep.LEEPConfig, None, leep.run),
        Method("nce", "nats", False, nce.NCEConfig, None, nce.run),
        Method("logme", "nats", False, logme.LogMEConfig, None, logme.run),
        Method("h-score", "1", False, h_score.HScoreConfig, "h_score", h_score.run),
        Method(
            "random", "1", True, random.RandomConfig, None, random.run, obeys=(), networks=(),
        ),
        Method(
            "shared-classes", "1", True, shared_classes.SharedClassesConfig, None,
            shared_classes.run, obeys=(), networks=(),
        ),
    )
}  # fmt: skip

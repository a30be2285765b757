"""Coupled transfer with aligned labels: beside `coupled` in one sweep, to be judged for itself."""

from typing import TYPE_CHECKING

from raytd.methods.on_blocks import OnBlocks
from raytd.methods.paths.coupled import CoupledConfig

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.paths.result import DistanceResult


class CoupledAlignedConfig(CoupledConfig):
    """Settings of the coupled transfer with aligned labels: those of the coupled transfer."""


FIXED = {"labels": "aligned"}
"""What it makes of the trajectory that is asked: matched classes share an output."""


def run(pair: "Pair", config: CoupledAlignedConfig, context: "Context") -> "DistanceResult":
    """The distance of `coupled` where classes that the source model finds alike are one output."""
    from dataclasses import replace

    from raytd.methods.paths import coupled

    trajectory = context.trajectory.model_copy(update=FIXED)
    return coupled.run(pair, config, replace(context, trajectory=trajectory))


METHOD = OnBlocks(
    name="coupled-aligned",
    unit="rad",
    smaller_is_closer=True,
    settings=CoupledAlignedConfig,
    section="coupled",
    run=run,
    costs="as `coupled`",
    obeys=("trajectory", "pretrain", "stop"),
    fixed=FIXED,
)

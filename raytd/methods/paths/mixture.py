"""Mixture: the task changes by the share of its images that come from the target, eq. (15)."""

from typing import TYPE_CHECKING

from raytd.methods.on_blocks import OnBlocks
from raytd.methods.paths.uncoupled import UncoupledConfig

if TYPE_CHECKING:
    from raytd.engine.config import TrajectoryConfig
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.paths.result import DistanceResult


class MixtureConfig(UncoupledConfig):
    """Settings of the mixture: those of the uncoupled transfer."""


FIXED = {"mixing": "bernoulli"}
"""What it makes of the trajectory that is asked: every image is from one task."""


def obeyed(trajectory: "TrajectoryConfig") -> "TrajectoryConfig":
    """The trajectory that is followed for the one that is asked."""
    return trajectory.model_copy(update=FIXED)


def run(pair: "Pair", config: MixtureConfig, context: "Context") -> "DistanceResult":
    """The length in radians under Γ = a bᵀ and t ∈ {0, 1} with mean τ; smaller is closer.

    SGD sees images of the source with probability 1 − τ, of the target with probability τ.
    Lengths are measured at (1 − τ) x_i + τ x'_j, as everywhere.
    """
    from dataclasses import replace

    from raytd.methods.paths import uncoupled

    return uncoupled.run(pair, config, replace(context, trajectory=obeyed(context.trajectory)))


METHOD = OnBlocks(
    name="mixture",
    unit="rad",
    smaller_is_closer=True,
    settings=MixtureConfig,
    section="coupled",
    run=run,
    costs="as `uncoupled`",
    fixed=FIXED,
)

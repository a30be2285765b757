"""Uncoupled transfer: the same trajectory under the independent coupling a bᵀ."""

from typing import TYPE_CHECKING

from raytd.engine.config import TilingConfig
from raytd.methods.on_blocks import OnBlocks

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.paths.result import DistanceResult


class UncoupledConfig(TilingConfig):
    """Settings of the uncoupled transfer: the part of the coupled ones that it obeys."""


def run(pair: "Pair", config: UncoupledConfig, context: "Context") -> "DistanceResult":
    """The length under Γ = a bᵀ: one trajectory, since nothing is updated."""
    from raytd.engine.setup.prepare import prepare
    from raytd.methods.paths.result import run_prepared

    return run_prepared(prepare(pair, context, config), context)


METHOD = OnBlocks(
    name="uncoupled",
    unit="rad",
    smaller_is_closer=True,
    settings=UncoupledConfig,
    section="coupled",
    run=run,
    costs="one trajectory, measured on all pairs of the tiles",
)

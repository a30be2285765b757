"""OT only: features choose the coupling, eq. (14), and nothing updates it."""

from typing import TYPE_CHECKING

from raytd.methods.on_blocks import OnBlocks
from raytd.methods.paths.coupled import FirstCouplingConfig

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.paths.result import DistanceResult


class OTOnlyConfig(FirstCouplingConfig):
    """Settings of OT only: the part of the coupled ones that the first coupling obeys."""

    def of_old(self) -> frozenset[str]:
        """In spreads, as it was before it could be said."""
        return frozenset({"epsilon_unit"} if self.epsilon_unit == "spread" else ())


def run(pair: "Pair", config: OTOnlyConfig, context: "Context") -> "DistanceResult":
    """The length in radians along the trajectory of Γ^0, iteration 0 of the coupled transfer.

    Smaller is closer. A coupling that stays has converged.
    """
    from dataclasses import replace

    from raytd.methods.paths import coupled

    settings = coupled.CoupledConfig(**config.model_dump(), iterations=1)
    return replace(coupled.run(pair, settings, context), distance_converged=True)


METHOD = OnBlocks(
    name="ot-only",
    unit="rad",
    smaller_is_closer=True,
    settings=OTOnlyConfig,
    section="coupled",
    run=run,
    costs="one coupling from features, and one trajectory measured on all pairs of the tiles",
)

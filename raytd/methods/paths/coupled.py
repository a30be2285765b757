"""Coupled transfer: the coupling and the trajectory are optimised together, eq. (17)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from raytd.engine.config import Count, Positive, TilingConfig
from raytd.methods.clouds.feature_name import FeatureName
from raytd.methods.on_blocks import OnBlocks

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.paths.result import DistanceResult


class CoupledConfig(TilingConfig):
    """Settings of the coupled transfer.

    Attributes:
        iterations: K, the greatest number of trajectories, each followed by a coupling step.
        blocks: coupling blocks; part of the answer, whatever hardware does the work.
        tile_size: side of the square of pairs whose costs are all measured.
        dealing: how images are dealt into tiles.
        proximal: the proximal term of the coupling step.
        epsilon: entropic regularisation.
        lam: step size; a larger one is a weaker pull towards the last coupling.
        epsilon_unit: `spread` measures epsilon and 1/lam in spreads of the cost; `absolute` in
            the cost's own unit. That is radians for measured costs. For the first coupling it is
            the unit of `feature_cost`: 0 to 2 for `cosine`, any size for `sqeuclidean`.
        support: which pairs may carry mass: `blocks` are those of the tiles as they were dealt;
            `global` is every pair, with tiles dealt anew in each iteration and unmeasured costs
            completed from measured ones.
        features: what chooses the first coupling, eq. (14): those of the `source` model, `pixels`,
            `efficientnet-lite0`, or `torchvision:NAME` with trained weights.
        feature_cost: of two images, from their features.
        tolerance: marginal error (total variation) at which a Sinkhorn solve counts as converged.
        max_iterations: Sinkhorn iterations per solve.
    """

    iterations: Count = 4
    proximal: Literal["kl", "linear", "frobenius", "none"] = "kl"
    epsilon: Positive = 0.5
    lam: Positive = 20.0
    epsilon_unit: Literal["spread", "absolute"] = "spread"
    support: Literal["blocks", "global"] = "blocks"
    features: FeatureName = "source"
    feature_cost: Literal["sqeuclidean", "cosine"] = "sqeuclidean"
    tolerance: Positive = 1e-6
    max_iterations: Count = 5000

    def idle(self) -> Mapping[str, str]:
        """A step that is not held back has no size; `global` deals tiles by the coupling."""
        idle = {"lam": "proximal is 'none'"} if self.proximal == "none" else {}
        return idle | ({"dealing": "support is 'global'"} if self.support == "global" else {})

    def most_iterations(self) -> int:
        """K."""
        return self.iterations

    def needs_features(self) -> bool:
        """Where the source model's choose the first coupling."""
        return self.features == "source"

    def solves(self) -> str:
        """The first coupling, and one after each trajectory but the last."""
        return self.support

    def revised(self) -> dict[str, int]:
        """An absolute epsilon counts for the first coupling, too, which it did not before."""
        return {"epsilon_unit": 2} if self.epsilon_unit == "absolute" else {}

    @model_validator(mode="after")
    def _global_steps(self) -> Self:
        if self.support == "global" and self.proximal not in ("kl", "none"):
            raise ValueError(f"support global takes proximal kl or none, not {self.proximal}")
        return self


def run(pair: "Pair", config: CoupledConfig, context: "Context") -> "DistanceResult":
    """The distance ⟨Γ, C⟩ along the trajectory of the last coupling, eq. (1) and (17)."""
    from raytd.engine.records import CouplingSettings
    from raytd.engine.setup.prepare import deal, prepare
    from raytd.methods.paths.result import run_prepared

    settings = CouplingSettings(
        epsilon=config.epsilon,
        lam=config.lam,
        proximal=config.proximal,
        epsilon_unit=config.epsilon_unit,
        tolerance=config.tolerance,
        max_iterations=config.max_iterations,
        support=config.support,
        tile_size=config.tile_size,
        features=config.features,
        feature_cost=config.feature_cost,
    )
    tiles = deal(pair, tile_size=config.tile_size, n_blocks=config.blocks, dealing=config.dealing)
    prepared = prepare(pair, context, tiles, iterations=config.iterations, coupling=settings)
    return run_prepared(prepared, context)


METHOD = OnBlocks(
    name="coupled",
    unit="rad",
    smaller_is_closer=True,
    settings=CoupledConfig,
    section="coupled",
    run=run,
    costs="up to K trajectories, each measured on all pairs of the tiles, and coupling steps",
    obeys=("trajectory", "pretrain", "stop"),
)

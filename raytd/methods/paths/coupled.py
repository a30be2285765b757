"""Coupled transfer: the coupling and the trajectory are optimised together, eq. (17)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from pydantic import model_validator

from raytd.checked import Count, Positive
from raytd.engine.config import TilingConfig
from raytd.methods.clouds.feature_name import FeatureName
from raytd.methods.on_blocks import OnBlocks
from raytd.models.features import FeatureCost
from raytd.transport.settings import EpsilonUnit, Proximal, Support

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.paths.result import DistanceResult


class FirstCouplingConfig(TilingConfig):
    """How a coupling is chosen from features; base of the settings of methods that do so.

    Attributes:
        epsilon: entropic regularisation.
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

    epsilon: Positive = 0.5
    epsilon_unit: EpsilonUnit = "spread"
    support: Support = "blocks"
    features: FeatureName = "source"
    feature_cost: FeatureCost = "sqeuclidean"
    tolerance: Positive = 1e-6
    max_iterations: Count = 5000

    def idle(self) -> Mapping[str, str]:
        """`global` deals tiles by the coupling."""
        return {"dealing": "support is 'global'"} if self.support == "global" else {}

    def needs_features(self) -> bool:
        """Where the source model's choose the coupling."""
        return self.features == "source"

    def solves(self) -> Support:
        """The first coupling, and those that may follow."""
        return self.support


class CoupledConfig(FirstCouplingConfig):
    """Settings of the coupled transfer.

    Attributes:
        iterations: K, the greatest number of trajectories, each followed by a coupling step.
        proximal: the proximal term of the coupling step.
        lam: step size; a larger one is a weaker pull towards the last coupling.
    """

    iterations: Count = 4
    proximal: Proximal = "kl"
    lam: Positive = 20.0

    def idle(self) -> Mapping[str, str]:
        """A step that is not held back has no size."""
        held = {"lam": "proximal is 'none'"} if self.proximal == "none" else {}
        return {**held, **super().idle()}

    def most_iterations(self) -> int:
        """K."""
        return self.iterations

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
    from raytd.engine.setup.prepare import prepare
    from raytd.methods.paths.result import run_prepared

    return run_prepared(prepare(pair, context, config), context)


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

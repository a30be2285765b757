"""OTDD: optimal transport dataset distance, Alvarez-Melis and Fusi (2020)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

from raytd.checked import Count, NonNegative, Positive
from raytd.engine.config import Settings
from raytd.methods.clouds.feature_name import FeatureName, FeaturesOf
from raytd.methods.method import Method
from raytd.rows.column import Column
from raytd.transport.settings import Covariance

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.score import Score


class OTDDConfig(Settings):
    """Settings of the optimal transport dataset distance.

    Attributes:
        features: of images, for the distances between images and those between labels; the paper
            takes pixels.
        covariance: of the Gaussian of each class; `diagonal` leaves out what features have in
            common, for many dimensions.
        epsilon: entropic regularisation; 0 solves the linear problem.
        epsilon_unit: `mean` measures it in mean ground costs of the pair, so that it means the same
            for all features; `absolute` in squared features, as the authors' code, with 0.1.
        max_samples: training images of each task that are transported, drawn by the seed where
            there are more; the Gaussians are those of all.
        root: whether the value is the root of the divergence, in units of the features.
        tolerance: marginal error (total variation) at which a Sinkhorn solve counts as converged.
        max_iterations: Sinkhorn iterations per solve.
    """

    features: FeatureName = "pixels"
    covariance: Covariance = "full"
    epsilon: NonNegative = 0.05
    epsilon_unit: Literal["mean", "absolute"] = "mean"
    max_samples: Count = 1000
    root: bool = False
    tolerance: Positive = 1e-5
    max_iterations: Count = 10_000

    def sees_source(self) -> bool:
        """Where the features are the source model's."""
        return self.features == "source"

    def idle(self) -> Mapping[str, str]:
        """A linear problem has no regularisation and no iterations."""
        if self.epsilon > 0:
            return {}
        return dict.fromkeys(("epsilon_unit", "tolerance", "max_iterations"), "epsilon is 0")


class Figures(TypedDict, total=False):
    """What its results say beside the value."""

    divergence: Annotated[
        float, Column("the debiased divergence, in squared units of the features")
    ]
    transport_cost: Annotated[float, Column("⟨Γ, C⟩ between the two tasks, before debiasing")]
    label_cost: Annotated[float, Column("mean of W² between classes over all pairs of images")]
    absolute_epsilon: Annotated[float, Column("epsilon in the unit of the cost")]
    source_samples: Annotated[int, Column("images of the source that were transported")]
    target_samples: Annotated[int, Column("images of the target that were transported")]
    features: FeaturesOf


def run(pair: "Pair", config: OTDDConfig, context: "Context") -> "Score":
    """The debiased divergence of the labelled images, in squared units of the features."""
    from raytd.learning.devices import torch_threads
    from raytd.methods.clouds.image_features import features_of
    from raytd.methods.clouds.labelled_cloud import LabelledCloud
    from raytd.methods.score import Score
    from raytd.transport.divergence import sinkhorn_divergence

    features = features_of(pair, context, config.features)
    with torch_threads(context.resources.threads):
        clouds = [
            LabelledCloud.of(task, points, max_samples=config.max_samples, seed=pair.seed)
            for task, points in ((pair.source, features.source), (pair.target, features.target))
        ]
        source, target = clouds
        cost = source.cost_to(target, covariance=config.covariance)
        own = [c.cost_to(c, covariance=config.covariance).pairs for c in clouds]
        unit = float(cost.pairs.mean()) if config.epsilon_unit == "mean" else 1.0
        found = sinkhorn_divergence(
            cost.pairs,
            own,
            epsilon=config.epsilon * unit,
            tolerance=config.tolerance,
            max_iterations=config.max_iterations,
        )
    converged = found.marginal_error <= config.tolerance
    warning = (
        f"Sinkhorn stopped after {config.max_iterations} iterations with marginal error "
        f"{found.marginal_error:.1g} > {config.tolerance:g}; raise otdd.epsilon "
        f"({config.epsilon:g}) or otdd.max_iterations"
    )
    return Score(
        value=max(0.0, found.value) ** 0.5 if config.root else found.value,
        sgd_steps=0,
        forward_images=features.forward_images,
        figures={
            "divergence": found.value,
            "transport_cost": found.transport,
            "label_cost": cost.of_labels,
            "absolute_epsilon": config.epsilon * unit,
            "coupling_converged": converged,
            "source_samples": len(source.points),
            "target_samples": len(target.points),
            "features": config.features,
        },
        warnings=features.warnings if converged else (*features.warnings, warning),
    )


METHOD = Method(
    name="otdd",
    unit="1",
    smaller_is_closer=True,
    settings=OTDDConfig,
    section="otdd",
    run=run,
    costs="a Sinkhorn solve between up to `max_samples` images a side",
    figures=Figures,
)

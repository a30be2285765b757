"""N-LEEP: LEEP with a mixture of Gaussians for the source's classes, Li et al. (2021)."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from raytd.checked import Count
from raytd.engine.config import Settings
from raytd.methods.method import Method
from raytd.methods.transferability.figures import Figures
from raytd.rows.column import Column
from raytd.transport.settings import Covariance

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.score import Score

FEWEST_IMAGES = 3
"""Images for each Gaussian below which a result warns."""


class NLEEPConfig(Settings):
    """Settings of N-LEEP.

    Attributes:
        variance_share: of the features' variance, which the principal components that are kept
            have at least.
        components_per_class: Gaussians of the mixture for each class of the target; there are
            never more than training images.
        covariance: of each Gaussian; `diagonal` needs fewer images than `full`.
    """

    variance_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    components_per_class: Count = 5
    covariance: Covariance = "full"


class NLEEPFigures(Figures, total=False):
    """What its results say beside the value."""

    principal_components: Annotated[int, Column("principal components of the features")]
    mixture_components: Annotated[int, Column("Gaussians of the mixture")]


def run(pair: "Pair", config: NLEEPConfig, context: "Context") -> "Score":
    """N-LEEP of the source model on the target's training images, in nats; larger is closer.

    The features of the images are reduced to principal components, a mixture of Gaussians is
    fitted to them without labels, and its posteriors are LEEP's probabilities. The paper compares
    several sizes of both; the defaults are those that programs of others have in common.
    """
    from raytd.methods.source_model import SourceModel
    from raytd.methods.transferability.matrices import principal_components, with_share
    from raytd.methods.transferability.mixture import fitted_mixture
    from raytd.methods.transferability.predictions import leep
    from raytd.methods.transferability.scored import scored
    from raytd.transfer.randomness import derive_seed

    model = SourceModel(pair, context)
    points = with_share(principal_components(model.features(pair.target)), config.variance_share)
    n_components = min(len(points), config.components_per_class * len(pair.target.classes))
    mixture = fitted_mixture(
        points,
        n_components=n_components,
        covariance=config.covariance,
        seed=derive_seed(pair.seed, "n-leep mixture", pair.target.digest),
        threads=context.resources.threads,
    )
    value = leep(source_probs=mixture.posteriors, target_labels=model.labels(pair.target))
    warnings = []
    if len(points) < FEWEST_IMAGES * n_components:
        warnings.append(
            f"{n_components} Gaussians for {len(points)} images of {pair.target.name} follow one "
            "or two each, so N-LEEP is near 0 for any source; lower n_leep.components_per_class"
        )
    if not mixture.converged:
        warnings.append("the mixture of Gaussians did not settle")
    figures = {"principal_components": points.shape[1], "mixture_components": n_components}
    return scored(value, pair, model, figures=figures, warnings=tuple(warnings))


METHOD = Method(
    name="n-leep",
    unit="nats",
    smaller_is_closer=False,
    settings=NLEEPConfig,
    section="n_leep",
    run=run,
    costs="one pass over the target's images, and a Gaussian mixture of their features",
    figures=NLEEPFigures,
)

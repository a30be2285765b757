"""H-score: variance between the target's classes in the source model's features."""

from typing import TYPE_CHECKING, Literal

from raytd.engine.config import Settings
from raytd.methods.method import Method
from raytd.methods.transferability.figures import Figures

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.score import Score

Shrinkage = Literal["none", "ledoit-wolf"]


class HScoreConfig(Settings):
    """Settings of the H-score.

    Attributes:
        shrinkage: `none` is the score of Bao et al. (2019); `ledoit-wolf` the regularised one of
            Ibrahim et al. (2021), for about as many dimensions as images or more.
    """

    shrinkage: Shrinkage = "none"


def run(pair: "Pair", config: HScoreConfig, context: "Context") -> "Score":
    """H-score of the source model on the target's training images; larger is closer."""
    from raytd.methods.source_model import SourceModel
    from raytd.methods.transferability.scored import scored
    from raytd.methods.transferability.separation import h_score

    model = SourceModel(pair, context)
    features = model.features(pair.target)
    n, d = features.shape
    labels = model.labels(pair.target)
    value = h_score(features=features, target_labels=labels, shrink=config.shrinkage)
    warnings: tuple[str, ...] = ()
    if config.shrinkage == "none" and n <= d:
        warnings = (
            f"{n} images of {pair.target.name} in {d} dimensions are told apart whatever they "
            "show, so the H-score is at its ceiling; set h_score.shrinkage: ledoit-wolf",
        )
    return scored(value, pair, model, warnings=warnings)


METHOD = Method(
    name="h-score",
    unit="1",
    smaller_is_closer=False,
    settings=HScoreConfig,
    section="h_score",
    run=run,
    costs="one pass over the target's images",
    figures=Figures,
)

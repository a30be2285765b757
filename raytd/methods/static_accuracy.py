"""A static ranking: how well the source network does its own task, whatever the target is."""

from typing import TYPE_CHECKING

from raytd.engine.config import Settings
from raytd.methods.method import Method

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.score import Score


class StaticAccuracyConfig(Settings):
    """The static ranking has no settings."""


def run(pair: "Pair", config: StaticAccuracyConfig, context: "Context") -> "Score":
    """Accuracy of the source network on the source's validation images; larger counts as closer.

    It knows nothing of the target, so it ranks the sources alike for every target. Static rankings
    beat many scores on common benchmarks: Singh, Hess and Vanschoren (2026). A task with few
    classes is easier to guess; the column `source_chance` says how easy.
    """
    from raytd.methods.score import Score
    from raytd.methods.source_model import SourceModel

    model = SourceModel(pair, context)
    return Score(
        value=model.accuracy,
        sgd_steps=0,
        forward_images=0,
        figures={"source_accuracy": model.accuracy},
        warnings=model.warnings,
    )


METHOD = Method(
    name="static-accuracy",
    unit="accuracy",
    smaller_is_closer=False,
    settings=StaticAccuracyConfig,
    section=None,
    run=run,
    costs="nothing beside the source network",
)

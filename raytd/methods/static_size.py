"""A static ranking: the images that the source was trained on, whatever the target is."""

from typing import TYPE_CHECKING

from raytd.engine.config import Settings
from raytd.methods.method import Method

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.score import Score


class StaticSizeConfig(Settings):
    """The static ranking has no settings."""


def run(pair: "Pair", config: StaticSizeConfig, context: "Context") -> "Score":
    """The number of training images of the source task; more images count as closer.

    It knows nothing of the target, so it ranks the sources alike for every target. Static rankings
    beat many scores on common benchmarks: Singh, Hess and Vanschoren (2026). Where `weights` brings
    a network, the images of the source task count, not those that the network saw elsewhere.
    """
    from raytd.methods.score import Score

    return Score(value=float(len(pair.source.train.labels)), sgd_steps=0, forward_images=0)


METHOD = Method(
    name="static-size",
    unit="1",
    smaller_is_closer=False,
    settings=StaticSizeConfig,
    section=None,
    run=run,
    costs="nothing",
    obeys=(),
    needs=(),
)

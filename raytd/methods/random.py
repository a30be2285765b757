"""A control: a number that knows nothing of the tasks, which every distance must beat."""

from typing import TYPE_CHECKING

from raytd.engine.config import Settings
from raytd.methods.method import Method

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.score import Score


class RandomConfig(Settings):
    """The control has no settings."""


def run(pair: "Pair", config: RandomConfig, context: "Context") -> "Score":
    """Uniform in [0, 1), from a hash of seed, both tasks in their order, and network.

    Without unit; smaller counts as closer. It is not symmetric, and d(s, s) is not 0.
    """
    from raytd.methods.score import Score
    from raytd.models.zoo import canonical
    from raytd.transfer.randomness import derive_seed

    tasks = pair.source.digest, pair.target.digest
    drawn = derive_seed(pair.seed, "random distance", *tasks, canonical(pair.model))
    return Score(
        value=(drawn >> 10) / 2**53,
        sgd_steps=0,
        forward_images=0,
    )


METHOD = Method(
    name="random",
    unit="1",
    smaller_is_closer=True,
    settings=RandomConfig,
    section=None,
    run=run,
    costs="nothing",
    obeys=(),
    needs=(),
)

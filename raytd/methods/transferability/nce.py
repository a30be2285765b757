"""NCE: negative conditional entropy of the target's labels, Tran et al. (2019)."""

from typing import TYPE_CHECKING

from raytd.engine.config import Settings
from raytd.methods.method import Method
from raytd.methods.transferability.figures import Figures

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.score import Score


class NCEConfig(Settings):
    """NCE has no settings: the source model's predictions determine it."""


def run(pair: "Pair", config: NCEConfig, context: "Context") -> "Score":
    """NCE of the source model on the target's training images, in nats; larger is closer."""
    from raytd.methods.source_model import SourceModel
    from raytd.methods.transferability.predictions import nce
    from raytd.methods.transferability.scored import scored

    model = SourceModel(pair, context)
    probs = model.probabilities(pair.target)
    value = nce(source_probs=probs, target_labels=model.labels(pair.target))
    return scored(value, pair, model)


METHOD = Method(
    name="nce",
    unit="nats",
    smaller_is_closer=False,
    settings=NCEConfig,
    section=None,
    run=run,
    costs="one pass over the target's images",
    figures=Figures,
)

"""LogME: the evidence of the target's labels in the source model's features, You et al. (2021)."""

from typing import TYPE_CHECKING

from raytd.engine.config import Settings
from raytd.methods.method import Method
from raytd.methods.transferability.figures import Figures

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.score import Score


class LogMEConfig(Settings):
    """LogME has no settings: the evidence chooses its own."""


def run(pair: "Pair", config: LogMEConfig, context: "Context") -> "Score":
    """LogME of the source model on the target's training images, in nats; larger is closer."""
    from raytd.methods.source_model import SourceModel
    from raytd.methods.transferability.evidence import logme
    from raytd.methods.transferability.scored import scored

    model = SourceModel(pair, context)
    features = model.features(pair.target)
    evidence = logme(features=features, target_labels=model.labels(pair.target))
    return scored(evidence.value, pair, model, warnings=evidence.warnings(pair.target.name))


METHOD = Method(
    name="logme",
    unit="nats",
    smaller_is_closer=False,
    settings=LogMEConfig,
    section=None,
    run=run,
    costs="one pass over the target's images",
    figures=Figures,
)

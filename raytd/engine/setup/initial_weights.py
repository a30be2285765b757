"""Where every transfer starts: w^s with outputs for the classes of both tasks."""

from torch import nn

from raytd.engine.setup.context import Context, Pair
from raytd.engine.setup.label_alignment import class_pair_costs
from raytd.learning.devices import place
from raytd.learning.sources import Source
from raytd.models import zoo
from raytd.models.heads import extend_head
from raytd.tasks.labels import Labels, LabelSpace, aligned, union
from raytd.transfer.state import Weights


def label_space(pair: Pair, context: Context, source: Source, labels: Labels) -> LabelSpace:
    """The outputs of the network for both tasks.

    Args:
        pair: the tasks.
        context: of the trial.
        source: the trained source, whose predictions match classes under `aligned`.
        labels: how the label spaces are joined.
    """
    if labels == "union":
        return union(pair.source, pair.target)
    costs = class_pair_costs(
        source,
        pair.target,
        model=pair.model,
        device=context.sources.device,
        threads=context.resources.threads,
    )
    return aligned(pair.source, pair.target, costs)


def extended(source: Source, space: LabelSpace) -> Weights:
    """w^s with outputs for the classes that only the target has."""
    parameters = extend_head(
        source.weights.parameters,
        head=source.head,
        n_classes=len(space.classes),
        logit=source.new_output_logit,
    )
    return Weights(parameters, source.weights.buffers)


def network_at(weights: Weights, pair: Pair, context: Context, *, n_classes: int) -> nn.Module:
    """The network of a pair with these weights, on the device of the trial."""
    network = zoo.build(
        pair.model, in_channels=pair.source.image_shape[0], n_classes=n_classes, seed=0
    )
    weights.load_into(network)
    return place(network, context.sources.device)

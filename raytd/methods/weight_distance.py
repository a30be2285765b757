"""Weight distance: how far apart the networks of the two tasks are, weight by weight."""

from typing import TYPE_CHECKING, Annotated, TypedDict

from raytd.engine.config import Settings
from raytd.methods.method import Method
from raytd.methods.weight_parts import BatchNorm, CountsBatchNorm
from raytd.rows.column import Column

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.score import Score


class WeightDistanceConfig(Settings):
    """Settings of the weight distance.

    Attributes:
        relative: divides by the geometric mean of both norms.
        batch_norm: whether scales and shifts of batch norm count; running statistics never do.
    """

    relative: bool = False
    batch_norm: BatchNorm = "include"


class Figures(TypedDict, total=False):
    """What its results say beside the value."""

    weight_distance: Annotated[float, Column("‖w^s − w^t‖")]
    relative_weight_distance: Annotated[
        float, Column("the same over the geometric mean of both norms")
    ]
    source_norm: Annotated[float, Column("‖w^s‖, over the weights that count")]
    target_norm: Annotated[float, Column("‖w^t‖, over the weights that count")]
    weights_compared: Annotated[int, Column("weights that count")]
    batch_norm: CountsBatchNorm


def run(pair: "Pair", config: WeightDistanceConfig, context: "Context") -> "Score":
    """‖w^s − w^t‖ over all layers but the head; without unit, smaller is closer, symmetric.

    w^t is what the recipe of sources makes of the target, with the same seed, so both networks
    have the same initial weights below the head. Heads are left out: their outputs stand for other
    classes. Hidden units are compared by their place: networks that differ by a permutation of
    them are the same function and far apart here. Where the user brings w^s, w^t is trained all
    the same, and units have even less in common.
    """
    from dataclasses import replace

    from raytd.engine.setup.context import source_recipe, source_warning
    from raytd.engine.setup.initial_weights import network_at
    from raytd.errors import InputError
    from raytd.methods.score import Score
    from raytd.methods.weight_parts import IN_WORDS, counted_parameters
    from raytd.transfer.weight_path import weight_distance, weight_norm

    other = replace(pair, source=pair.target, weights=None)
    weights, warnings, accuracies = [], [], []
    for end in (pair, other):
        trained = context.sources.get(end.source, source_recipe(end, context.pretrain))
        n_classes = trained.weights.parameters[f"{trained.head}.weight"].shape[0]
        network = network_at(trained.weights, end, context, n_classes=n_classes)
        weights.append(
            counted_parameters(network, batch_norm=config.batch_norm, without=trained.head)
        )
        accuracies.append(trained.accuracy)
        warnings.append(source_warning(end, context.pretrain, trained.accuracy))
    if not weights[0]:
        raise InputError(
            f"weight-distance: {pair.model} has no parameters that count beside its head "
            f"(batch_norm: {config.batch_norm}); choose another model"
        )
    norms = [weight_norm(w) for w in weights]
    distance = weight_distance(weights[0], weights[1])
    relative = distance / (norms[0] * norms[1]) ** 0.5
    return Score(
        value=relative if config.relative else distance,
        sgd_steps=0,
        forward_images=0,
        figures={
            "weight_distance": distance,
            "relative_weight_distance": relative,
            "source_norm": norms[0],
            "target_norm": norms[1],
            "weights_compared": sum(w.numel() for w in weights[0].values()),
            "batch_norm": IN_WORDS[config.batch_norm],
            "source_accuracy": accuracies[0],
            "reference_accuracy": accuracies[1],
        },
        warnings=tuple(dict.fromkeys(w for w in warnings if w is not None)),
    )


METHOD = Method(
    name="weight-distance",
    unit="1",
    smaller_is_closer=True,
    settings=WeightDistanceConfig,
    section="weight_distance",
    run=run,
    costs="nothing beside the two networks",
    needs=("source", "target"),
    figures=Figures,
)

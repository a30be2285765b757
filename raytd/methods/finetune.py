"""Fine-tuning: how far the weights go when SGD learns the target alone, from w^s."""

from typing import TYPE_CHECKING, Annotated, ClassVar, TypedDict

from pydantic import Field

from raytd.checked import Count
from raytd.engine.config import PathConfig
from raytd.methods.method import Method
from raytd.methods.weight_parts import BatchNorm, CountsBatchNorm
from raytd.rows.column import Column, Scalar

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.learning.finetuning import FineTuned
    from raytd.methods.score import Score


class FinetuneConfig(PathConfig):
    """Settings of fine-tuning.

    The paper gives the threshold and says that the rate was tuned until the target was learnt
    well; the rest is as in the trajectory of the coupled transfer, with two knots an epoch.

    Attributes:
        epochs: the same in passes over the target's training images; 20 where neither is given.
        averaging: what is measured at a knot, as in `trajectory`. It is part of the lengths, losses
            and accuracies; ∫ |dw| and the steps to the threshold are of the weights that move.
        threshold: the path is cut at the first knot whose validation accuracy is at least this
            share of that at the last one; the moving weights and the measured ones each by their
            own.
        labels: how the label spaces are joined, as in the coupled transfer.
        batch_norm: whether the scales and shifts of batch norm are part of ∫ |dw|; its running
            statistics never are.
    """

    default_epochs: ClassVar[int] = 20

    segments: Count = 40
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.95
    batch_norm: BatchNorm = "include"

    def paths(self) -> tuple[PathConfig, ...]:
        """Its own."""
        return (self,)

    def sgd_steps(self, n_images: int) -> int:
        """SGD steps, where an epoch sees so many images of the target."""
        from raytd.learning.pretrain import steps_of

        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        return max(self.segments, steps_of(self.epochs, n_images, self.batch_size))


class Figures(TypedDict, total=False):
    """What its results say beside the value."""

    distance: Annotated[
        float, Column("mean length of the path of predictions over the validation images", "rad")
    ]
    fisher_rao_length: Annotated[float, Column("length of that path, eq. (8)", "rad")]
    noise_free_length: Annotated[
        float, Column("that length without the noise of SGD, from two strides", "rad")
    ]
    distance_truncated: Annotated[
        float, Column("`distance` up to the first knot with the threshold", "rad")
    ]
    fisher_rao_length_truncated: Annotated[
        float, Column("`fisher_rao_length` up to the first knot with the threshold", "rad")
    ]
    noise_free_length_truncated: Annotated[
        float, Column("`noise_free_length` up to the first knot with the threshold", "rad")
    ]
    weight_length: Annotated[float, Column("∫ |dw| of the whole path")]
    weight_length_truncated: Annotated[
        float, Column("∫ |dw| up to the first knot with the threshold")
    ]
    weight_displacement: Annotated[float, Column("|w(1) − w(0)|")]
    steps_to_threshold: Annotated[int, Column("SGD steps to that knot")]
    epochs_to_threshold: Annotated[float, Column("the same in passes over the target's images")]
    initial_accuracy: Annotated[
        float, Column("validation accuracy before the first step", form="share")
    ]
    batch_norm: CountsBatchNorm


def run(pair: "Pair", config: FinetuneConfig, context: "Context") -> "Score":
    """∫ |dw| of SGD on the target from w^s until it has all but learnt it; smaller is closer.

    The value has no unit. The network, its joint head and its start are those of the coupled
    transfer, but nothing is interpolated.
    """
    from raytd.engine.setup.context import source_recipe
    from raytd.engine.setup.initial_weights import extended, label_space, network_at
    from raytd.learning.devices import torch_threads
    from raytd.learning.finetuning import fine_tune, images_of
    from raytd.methods.weight_parts import counted_parameters

    source = context.sources.get(pair.source, source_recipe(pair, context.pretrain))
    space = label_space(pair, context, source, config.labels)
    with torch_threads(context.resources.threads):
        start = extended(source, space)
        model = network_at(start, pair, context, n_classes=len(space.classes))
        path = fine_tune(
            model,
            images_of(pair.target, space.outputs(pair.target), context.sources.device),
            config,
            steps=config.sgd_steps(len(pair.target.train.labels)),
            seed=pair.seed,
            counted=list(counted_parameters(model, batch_norm=config.batch_norm).values()),
        )
    about_start: dict[str, Scalar] = {
        "source_accuracy": source.accuracy,
        "parameters": sum(p.numel() for p in model.parameters()),
        "label_matching": ", ".join(f"{t} = {s}" for t, s in space.shared.items()) or None,
    }
    return _score(pair, config, context, path, about_start)


def _score(
    pair: "Pair",
    config: FinetuneConfig,
    context: "Context",
    path: "FineTuned",
    about_start: "dict[str, Scalar]",
) -> "Score":
    from raytd.engine.setup.context import source_warning
    from raytd.learning.devices import device_name
    from raytd.learning.finetuning import first_reach
    from raytd.methods.score import Score
    from raytd.methods.weight_parts import IN_WORDS

    cut = path.knots[first_reach([k.moving_accuracy for k in path.knots], config.threshold)]
    measured_cut = first_reach([k.val_accuracy for k in path.knots], config.threshold)
    per_epoch = config.model_copy(update={"steps": None, "epochs": 1, "segments": 1})
    accuracy = float(about_start["source_accuracy"] or 0)
    warnings = (source_warning(pair, context.pretrain, accuracy), _not_learnt(pair, path))
    return Score(
        value=cut.weight_length,
        sgd_steps=path.knots[-1].step,
        forward_images=path.forward_images,
        figures={
            **_lengths(path, measured_cut, is_self=pair.is_self),
            "weight_length_truncated": cut.weight_length,
            "steps_to_threshold": cut.step,
            "epochs_to_threshold": cut.step / per_epoch.sgd_steps(len(pair.target.train.labels)),
            "initial_accuracy": path.knots[0].val_accuracy,
            "target_accuracy": path.knots[-1].val_accuracy,
            "generalisation_gap": path.knots[-1].val_loss - path.knots[-1].train_loss,
            "lr": config.lr,
            "batch_norm": IN_WORDS[config.batch_norm],
            "device": device_name(context.sources.device),
            **about_start,
        },
        curves={"finetune": _curve(path)},
        warnings=tuple(w for w in warnings if w is not None),
    )


def _lengths(path: "FineTuned", cut: int, *, is_self: bool) -> "dict[str, Scalar]":
    """Lengths of the whole path and of its part up to a knot."""
    from dataclasses import asdict

    figures = asdict(path.predictions.lengths())
    pooled = figures.pop("pooled_length")
    return {
        **figures,
        "self_distance": pooled if is_self else None,
        "distance_truncated": path.predictions.distance(cut),
        "fisher_rao_length_truncated": path.predictions.fisher_rao_length(cut),
        "noise_free_length_truncated": path.predictions.noise_free_length(cut),
        "weight_length": path.knots[-1].weight_length,
        "weight_displacement": path.displacement,
    }


def _curve(path: "FineTuned") -> "list[dict[str, Scalar]]":
    """A row for each knot: losses, accuracy, and the lengths so far."""
    from dataclasses import asdict

    return [
        asdict(knot)
        | {
            "distance": path.predictions.distance(knot.knot),
            "fisher_rao_length": path.predictions.fisher_rao_length(knot.knot),
            "noise_free_length": path.predictions.noise_free_length(knot.knot),
        }
        for knot in path.knots
    ]


def _not_learnt(pair: "Pair", path: "FineTuned") -> str | None:
    """What to say where the network ends no better than one that names the largest class."""
    import numpy as np

    labels, reached = pair.target.val.labels, path.knots[-1].val_accuracy
    largest = float(np.bincount(labels).max() / len(labels))
    if len(pair.target.classes) == 1 or reached > largest:
        return None
    return (
        f"fine-tuning {pair.model} on {pair.target.name} ends at accuracy {reached:.3f}, no better "
        f"than naming its largest class ({largest:.3f}); its length says nothing: train for "
        "longer or at another finetune.lr"
    )


METHOD = Method(
    name="finetune",
    unit="1",
    smaller_is_closer=True,
    settings=FinetuneConfig,
    section="finetune",
    run=run,
    costs="SGD on the target, with a pass over its validation images at each knot",
    figures=Figures,
)

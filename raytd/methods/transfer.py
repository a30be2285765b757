"""Transfer: what the source is worth when few images of the target are to be learnt."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypedDict

from pydantic import model_validator

from raytd.checked import Count
from raytd.engine.config import Settings
from raytd.methods.method import Method
from raytd.rows.column import Column, Scalar
from raytd.transfer.settings import Budget

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.learning.few_shot import Learnt
    from raytd.methods.score import Score
    from raytd.transfer.state import Weights


class TransferConfig(Budget, Settings):
    """Settings of the ground truth of transfer.

    Attributes:
        n_train: training images of the target in all, dealt evenly over its classes.
        lr: learning rate, of the fine-tuned network and of the one that learns from scratch.
        repeats: how often it is done, each time with other images, another head, another order.
        metric: what the value is: `accuracy` on the target's validation images, averaged over the
            budget; `final_accuracy`, at its end; `gain`, the averaged accuracy less that of a
            network that learns the same images from scratch.
    """

    n_train: Count = 40
    repeats: Count = 5
    metric: Literal["accuracy", "final_accuracy", "gain"] = "accuracy"

    @model_validator(mode="after")
    def _even_looks(self) -> Self:
        if self.steps % self.evaluate_every != 0:
            raise ValueError(
                f"evaluate_every = {self.evaluate_every} does not divide steps = {self.steps}"
            )
        return self

    def sgd_steps(self, n_images: int) -> int:
        """SGD steps of all repeats, from the source and from scratch, for any number of images."""
        return 2 * self.repeats * self.steps


_ERROR = "standard error of `{}` over the repeats; none with one repeat"


class Figures(TypedDict, total=False):
    """What its results say beside the value."""

    accuracy: Annotated[
        float,
        Column(
            "validation accuracy from the source, mean over a budget of steps",
            error="accuracy_error",
            form="share",
        ),
    ]
    final_accuracy: Annotated[
        float, Column("the same after all steps", error="final_accuracy_error", form="share")
    ]
    scratch_accuracy: Annotated[
        float, Column("as accuracy, from new weights", error="scratch_accuracy_error", form="share")
    ]
    scratch_final_accuracy: Annotated[
        float,
        Column(
            "as final_accuracy, from new weights",
            error="scratch_final_accuracy_error",
            form="share",
        ),
    ]
    gain: Annotated[float, Column("accuracy − scratch_accuracy", error="gain_error", form="share")]
    final_gain: Annotated[
        float,
        Column("final_accuracy − scratch_final_accuracy", error="final_gain_error", form="share"),
    ]
    accuracy_error: Annotated[float | None, Column(_ERROR.format("accuracy"), form="rough")]
    final_accuracy_error: Annotated[
        float | None, Column(_ERROR.format("final_accuracy"), form="rough")
    ]
    scratch_accuracy_error: Annotated[
        float | None, Column(_ERROR.format("scratch_accuracy"), form="rough")
    ]
    scratch_final_accuracy_error: Annotated[
        float | None, Column(_ERROR.format("scratch_final_accuracy"), form="rough")
    ]
    gain_error: Annotated[float | None, Column(_ERROR.format("gain"), form="rough")]
    final_gain_error: Annotated[float | None, Column(_ERROR.format("final_gain"), form="rough")]
    n_repeats: Annotated[int, Column("repeats, each with images of its own")]


@dataclass(frozen=True)
class Outcome:
    """What one repeat learnt, from the source's weights and from scratch."""

    tuned: "Learnt"
    scratch: "Learnt"


def run(pair: "Pair", config: TransferConfig, context: "Context") -> "Score":
    """Accuracy, or gain in accuracy, of fine-tuning with a new head; larger is closer.

    What is drawn depends on the run's seed, the target and the repeat and not on the source, so
    that sources are compared on the same images, with the same head and in the same order. The
    network that learns from scratch begins with the same head, too; it is the same for all sources
    of a target, and is kept beside them.
    """
    from raytd.engine.setup.context import source_recipe, source_warning
    from raytd.learning.devices import device_name, torch_threads
    from raytd.learning.from_scratch import kept
    from raytd.methods.score import Score

    source = context.sources.get(pair.source, source_recipe(pair, context.pretrain))
    repeats = range(config.repeats)

    def from_scratch() -> "list[Learnt]":
        return [_learn(pair, config, context, n, body=None) for n in repeats]

    with torch_threads(context.resources.threads):
        tuned = [_learn(pair, config, context, n, body=source.weights) for n in repeats]
        scratch = kept(
            context.sources.folder, _identity(pair, config), from_scratch, task=pair.target.name
        )
    outcomes = [Outcome(*both) for both in zip(tuned, scratch, strict=True)]
    figures = summary(outcomes)
    warning = source_warning(pair, context.pretrain, source.accuracy)
    about_network: dict[str, Scalar] = {
        "source_accuracy": source.accuracy,
        "parameters": sum(p.numel() for p in source.weights.parameters.values()),
        "device": device_name(context.sources.device),
    }
    return Score(
        value=figures[config.metric],
        sgd_steps=config.sgd_steps(len(pair.target.train.labels)),
        forward_images=sum(o.tuned.forward_images + o.scratch.forward_images for o in outcomes),
        figures={**figures, **_errors(outcomes), "n_repeats": config.repeats, **about_network},
        curves={"transfer": _curve(outcomes, config.evaluate_every)},
        warnings=() if warning is None else (warning,),
    )


def _identity(pair: "Pair", config: TransferConfig) -> "dict[str, Scalar]":
    """What learning from scratch depends on."""
    from raytd.models import zoo

    return {
        "target": pair.target.digest,
        "model": zoo.canonical(pair.model),
        "code": zoo.code_digest(pair.model),
        "seed": pair.seed,
        **config.model_dump(exclude={"metric"}),
    }


def _learn(
    pair: "Pair",
    config: TransferConfig,
    context: "Context",
    repeat: int,
    *,
    body: "Weights | None",
) -> "Learnt":
    """Learns one draw of images; head, order and dropout are those of the repeat."""
    from raytd.learning.devices import place
    from raytd.learning.few_shot import few_images, learn, put_body
    from raytd.learning.images import Images, ImageSlice
    from raytd.learning.pretrain import on_device
    from raytd.models import zoo
    from raytd.transfer.randomness import derive_seed, generator

    target, device = pair.target, context.sources.device
    stream = generator(pair.seed, "transfer images", repeat)
    chosen = few_images(target, config.n_train, stream=stream)
    images, labels = target.train.images[chosen], target.train.labels[chosen]
    few = Images(ImageSlice(images, labels, target.mean, target.std), device)
    network = zoo.build(
        pair.model,
        in_channels=target.image_shape[0],
        n_classes=len(target.classes),
        seed=derive_seed(pair.seed, "transfer initial weights", repeat),
    )
    if body is not None:
        put_body(network, body)
    return learn(
        place(network, device),
        few,
        on_device(target, target.val, device),
        config,
        seed=derive_seed(pair.seed, "transfer", repeat),
    )


def summary(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Means over the repeats."""
    return {name: mean(values) for name, values in _quantities(outcomes).items()}


def _errors(outcomes: Sequence[Outcome]) -> "dict[str, Scalar]":
    """Standard errors of those means; None where there is one repeat."""
    n = len(outcomes)
    return {
        f"{name}_error": stdev(values) / math.sqrt(n) if n > 1 else None
        for name, values in _quantities(outcomes).items()
    }


def _quantities(outcomes: Sequence[Outcome]) -> dict[str, list[float]]:
    """What each repeat says; a gain compares two networks that learnt the same images."""
    tuned, scratch = ([*o] for o in zip(*((o.tuned, o.scratch) for o in outcomes), strict=True))
    quantities = {
        "accuracy": [mean(t.accuracies) for t in tuned],
        "final_accuracy": [t.accuracies[-1] for t in tuned],
        "scratch_accuracy": [mean(s.accuracies) for s in scratch],
        "scratch_final_accuracy": [s.accuracies[-1] for s in scratch],
    }
    for gain, of in (("gain", "accuracy"), ("final_gain", "final_accuracy")):
        both = zip(quantities[of], quantities[f"scratch_{of}"], strict=True)
        quantities[gain] = [t - s for t, s in both]
    return quantities


def _curve(outcomes: Sequence[Outcome], every: int) -> "list[dict[str, Scalar]]":
    """A row for each look of each repeat."""
    return [
        {
            "repeat": repeat,
            "step": (look + 1) * every,
            "accuracy": tuned,
            "scratch_accuracy": scratch,
        }
        for repeat, o in enumerate(outcomes)
        for look, (tuned, scratch) in enumerate(
            zip(o.tuned.accuracies, o.scratch.accuracies, strict=True)
        )
    ]


METHOD = Method(
    name="transfer",
    unit="accuracy",
    smaller_is_closer=False,
    settings=TransferConfig,
    section="transfer",
    run=run,
    figures=Figures,
    costs="SGD on few images, repeated, from the source and, once for all sources, from scratch",
)

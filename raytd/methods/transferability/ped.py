"""PED: LogME after the target's classes have pushed each other apart, Li et al. (2023)."""

from typing import TYPE_CHECKING, Annotated

from raytd.checked import Count, NonNegative, Positive
from raytd.engine.config import Settings
from raytd.methods.method import Method
from raytd.methods.transferability.figures import Figures
from raytd.rows.column import Column

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.score import Score


class PEDConfig(Settings):
    """Settings of PED.

    Attributes:
        radius: of the ball that stands for a class, in deviations of the class.
        time_step: of the motion; it moves two balls apart by its square times their overlap.
        most_steps: of the motion.
        least_motion: share of the first step's motion at which the motion ends.
    """

    radius: Positive = 0.6
    time_step: Positive = 0.1
    most_steps: Count = 6
    least_motion: NonNegative = 0.5


class PEDFigures(Figures, total=False):
    """What its results say beside the value."""

    repulsion_steps: Annotated[int, Column("steps in which classes pushed each other apart")]


def run(pair: "Pair", config: PEDConfig, context: "Context") -> "Score":
    """LogME of the target's training images after the motion, in nats; larger is closer.

    Classes move as in the authors' program, with its constants and its end of the motion. PED adds
    the motion to any score; here it is LogME. Two things were chosen here. Features are measured in
    deviations of the source's training images, where the authors take ImageNet's validation images.
    How far a step goes is measured by Euclidean lengths, where the authors add absolute values.
    """
    from raytd.methods.source_model import SourceModel
    from raytd.methods.transferability.evidence import logme
    from raytd.methods.transferability.repulsion import deviations, pushed_apart
    from raytd.methods.transferability.scored import scored

    model = SourceModel(pair, context)
    labels = model.labels(pair.target)
    unit = deviations(model.features(pair.source))
    moved = pushed_apart(
        features=model.features(pair.target) / unit, target_labels=labels, **config.model_dump()
    )
    evidence = logme(features=moved.features * unit, target_labels=labels)
    return scored(
        evidence.value,
        pair,
        model,
        forward_images=len(pair.source.train.labels) + len(labels),
        figures={"repulsion_steps": moved.steps},
        warnings=evidence.warnings(pair.target.name),
    )


METHOD = Method(
    name="ped",
    unit="nats",
    smaller_is_closer=False,
    settings=PEDConfig,
    section="ped",
    run=run,
    costs="one pass over the images of both tasks",
    figures=PEDFigures,
)

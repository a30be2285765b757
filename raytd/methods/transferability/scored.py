"""The result of a score that a source model gets on a target."""

from collections.abc import Mapping

from raytd.engine.setup.context import Pair
from raytd.methods.score import Score
from raytd.methods.source_model import SourceModel
from raytd.rows.column import Scalar


def scored(
    value: float,
    pair: Pair,
    model: SourceModel,
    *,
    forward_images: int | None = None,
    figures: Mapping[str, Scalar] | None = None,
    warnings: tuple[str, ...] = (),
) -> Score:
    """A score of a source model on a target; larger is closer.

    Args:
        value: what the method returns.
        pair: of the tasks.
        model: of the source.
        forward_images: images that went forward; None where each of the target's went once.
        figures: columns that the method has beside those of every such score.
        warnings: what the user should know.
    """
    n_classes = len(pair.target.classes)
    if n_classes == 1:
        warnings = (
            *warnings,
            f"{pair.target.name} has one class, which every model tells apart; the score means "
            "nothing",
        )
    return Score(
        value=value,
        sgd_steps=0,
        forward_images=len(pair.target.train.labels) if forward_images is None else forward_images,
        figures={
            "source_accuracy": model.accuracy,
            "target_classes": n_classes,
            **({} if figures is None else figures),
        },
        warnings=(*model.warnings, *warnings),
    )

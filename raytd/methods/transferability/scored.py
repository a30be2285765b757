"""The result of a score that a source model gets on a target."""

from raytd.engine.setup.context import Pair
from raytd.methods.score import Score
from raytd.methods.source_model import SourceModel


def scored(
    value: float, pair: Pair, model: SourceModel, *, warnings: tuple[str, ...] = ()
) -> Score:
    """A score for which every training image of the target went forward once; larger is closer."""
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
        forward_images=len(pair.target.train.labels),
        figures={"source_accuracy": model.accuracy, "target_classes": n_classes},
        warnings=(*model.warnings, *warnings),
    )

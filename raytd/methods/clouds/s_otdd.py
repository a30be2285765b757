"""s-OTDD: sliced optimal transport dataset distance, Nguyen et al. (2025)."""

from typing import TYPE_CHECKING, Annotated, TypedDict

from pydantic import Field

from raytd.engine.config import Settings
from raytd.methods.clouds.feature_name import FeatureName, FeaturesOf
from raytd.methods.method import Method
from raytd.rows.column import Column

if TYPE_CHECKING:
    from jaxtyping import Float64
    from torch import Tensor

    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.clouds.image_features import Features
    from raytd.methods.score import Score

AT_ONCE = 250
"""Projections that are drawn and sorted together; another number would give other draws."""


class SOTDDConfig(Settings):
    """Settings of the sliced optimal transport dataset distance.

    Attributes:
        features: of images; the paper takes pixels. Moments have no common unit, so features whose
            projections are far above 1 let the highest moments decide.
        projections: random lines over which the distance is averaged; the paper takes 10,000.
        moments: of each class that a projection sees; the paper takes 5.
    """

    features: FeatureName = "pixels"
    projections: Annotated[int, Field(ge=2)] = 10_000
    moments: Annotated[int, Field(ge=1, le=20)] = 5

    def sees_source(self) -> bool:
        """Where the features are the source model's."""
        return self.features == "source"


class Figures(TypedDict, total=False):
    """What its results say beside the value."""

    projections_error: Annotated[
        float, Column("standard error of `value` over the projections", form="rough")
    ]
    features: FeaturesOf


def run(pair: "Pair", config: SOTDDConfig, context: "Context") -> "Score":
    """The root of the mean W² of both tasks over random lines; without unit, smaller is closer.

    All pairs of a run have the same projections, so that their differences are less noisy than
    `projections_error` says. The distance is symmetric, and 0 from a task to itself.
    """
    from raytd.learning.devices import torch_threads
    from raytd.methods.clouds.image_features import features_of
    from raytd.methods.score import Score

    features = features_of(pair, context, config.features)
    with torch_threads(context.resources.threads):
        squares = _squares(pair, features, config)
    value = float(squares.mean()) ** 0.5
    # The root's derivative turns an error of the mean square into one of the value.
    error = float(squares.std()) / len(squares) ** 0.5 / (2 * value) if value > 0 else 0.0
    return Score(
        value=value,
        sgd_steps=0,
        forward_images=features.forward_images,
        figures={"projections_error": error, "features": config.features},
        warnings=features.warnings,
    )


def _squares(
    pair: "Pair", features: "Features", config: SOTDDConfig
) -> "Float64[Tensor, ' projections']":
    """W² of the two tasks on each of the random lines of the run."""
    import torch

    from raytd.methods.clouds.projections import Projections
    from raytd.transfer.randomness import generator
    from raytd.transport.line import squared_wasserstein_on_line

    stream = generator(pair.seed, "s-otdd projections")
    ends = [
        (points, torch.tensor(task.train.labels))
        for points, task in ((features.source, pair.source), (features.target, pair.target))
    ]
    found = []
    for first in range(0, config.projections, AT_ONCE):
        lines = Projections.drawn(
            min(AT_ONCE, config.projections - first),
            dimensions=features.source.shape[1],
            moments=config.moments,
            generator=stream,
        )
        found.append(squared_wasserstein_on_line(*(lines.of(*end) for end in ends)))
    return torch.cat(found)


METHOD = Method(
    name="s-otdd",
    unit="1",
    smaller_is_closer=True,
    settings=SOTDDConfig,
    section="s_otdd",
    run=run,
    costs="sorting the images of both tasks along each of `projections` lines",
    figures=Figures,
)

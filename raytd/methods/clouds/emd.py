"""EMD domain similarity: transport of class means, Cui et al. (2018)."""

from typing import TYPE_CHECKING, Annotated, TypedDict

from raytd.checked import Positive
from raytd.engine.config import Settings
from raytd.methods.clouds.feature_name import FeatureName, FeaturesOf
from raytd.methods.method import Method
from raytd.rows.column import Column

if TYPE_CHECKING:
    from jaxtyping import Float64, Int64
    from torch import Tensor

    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.score import Score


class EMDConfig(Settings):
    """Settings of the EMD domain similarity.

    Attributes:
        features: whose class means are transported. The paper's are those of a ResNet-101 trained
            on the Web; `source` are those of the trial's own source model.
        gamma: of the similarity exp(−gamma · EMD) that is shown beside the distance.
    """

    features: FeatureName = "source"
    gamma: Positive = 0.01

    def sees_source(self) -> bool:
        """Where the features are the source model's."""
        return self.features == "source"


class Figures(TypedDict, total=False):
    """What its results say beside the value."""

    similarity: Annotated[float, Column("exp(−gamma · value)")]
    features: FeaturesOf


def run(pair: "Pair", config: EMDConfig, context: "Context") -> "Score":
    """The earth mover's distance between class means, each as heavy as its class has images."""
    import math

    import torch

    from raytd.learning.devices import torch_threads
    from raytd.methods.clouds.image_features import features_of
    from raytd.methods.score import Score
    from raytd.transport.earth_mover import earth_mover_distance, euclidean
    from raytd.transport.solvers.problem import LinearProblem

    features = features_of(pair, context, config.features)
    with torch_threads(context.resources.threads):
        a, source = class_means(features.source, torch.tensor(pair.source.train.labels))
        b, target = class_means(features.target, torch.tensor(pair.target.train.labels))
        distance = earth_mover_distance(LinearProblem(euclidean(source, target), a, b))
    return Score(
        value=distance,
        sgd_steps=0,
        forward_images=features.forward_images,
        figures={
            "similarity": math.exp(-config.gamma * distance),
            "features": config.features,
        },
        warnings=features.warnings,
    )


def class_means(
    features: "Float64[Tensor, 'n d']", labels: "Int64[Tensor, ' n']"
) -> "tuple[Float64[Tensor, ' classes'], Float64[Tensor, 'classes d']]":
    """Share of the images and mean features of each class that has any."""
    counts = labels.bincount()
    sums = features.new_zeros(len(counts), features.shape[1]).index_add_(0, labels, features)
    present = counts > 0
    return counts[present].double() / len(labels), sums[present] / counts[present, None]


METHOD = Method(
    name="emd",
    unit="1",
    smaller_is_closer=True,
    settings=EMDConfig,
    section="emd",
    run=run,
    costs="one pass over the images of both tasks",
    figures=Figures,
)

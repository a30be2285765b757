"""Features of the training images of both tasks of a pair, by the name of φ."""

from dataclasses import dataclass

from jaxtyping import Float64
from torch import Tensor

from raytd.engine.setup.context import Context, Pair
from raytd.errors import InputError
from raytd.learning.features import FeatureCache
from raytd.methods.source_model import SourceModel
from raytd.models.features import PIXELS, SOURCE


@dataclass(frozen=True)
class Features:
    """φ of every training image.

    Attributes:
        source: of the source task.
        target: of the target task.
        forward_images: images that a network saw for it, cached or not.
        warnings: what a result that uses them should say.
    """

    source: Float64[Tensor, "n d"]
    target: Float64[Tensor, "m d"]
    forward_images: int
    warnings: tuple[str, ...] = ()


def features_of(pair: Pair, context: Context, name: str) -> Features:
    """The features of both tasks of a pair, in float64 on the CPU.

    Raises:
        InputError: if they cannot be had, or those of the two tasks differ in dimension.
    """
    tasks = (pair.source, pair.target)
    n_images = sum(len(t.train.labels) for t in tasks)
    if name == SOURCE:
        model = SourceModel(pair, context)
        source, target = (model.features(t) for t in tasks)
        return Features(source, target, n_images, model.warnings)
    sources = context.sources
    cache = FeatureCache(sources.folder, device=sources.device, threads=context.resources.threads)
    source, target = (cache.get(t, name).double() for t in tasks)
    if source.shape[1] != target.shape[1]:
        raise InputError(
            f"features {name}: {source.shape[1]} of an image of {pair.source.name} and "
            f"{target.shape[1]} of {pair.target.name}; state one size and one number of channels "
            "for both tasks"
        )
    return Features(source, target, 0 if name == PIXELS else n_images)

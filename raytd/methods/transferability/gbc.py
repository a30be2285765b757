"""GBC: overlap of the target's classes in the source model's features, Pándy et al. (2022)."""

from typing import TYPE_CHECKING, Annotated, Literal

from raytd.checked import Count
from raytd.engine.config import Settings
from raytd.methods.method import Method
from raytd.methods.transferability.figures import Figures
from raytd.rows.column import Column

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.score import Score

Variances = Literal["spherical", "diagonal"]


class GBCConfig(Settings):
    """Settings of the Gaussian Bhattacharyya coefficient.

    Attributes:
        components: principal components of the features that are kept, at most; the
            authors' program keeps 64.
        variances: of the Gaussian of each class; `spherical` has one for all components, `diagonal`
            one for each.
    """

    components: Count = 64
    variances: Variances = "spherical"


class GBCFigures(Figures, total=False):
    """What its results say beside the value."""

    compared_classes: Annotated[int, Column("classes with two training images or more")]
    principal_components: Annotated[int, Column("principal components of the features")]


def run(pair: "Pair", config: GBCConfig, context: "Context") -> "Score":
    """GBC of the source model on the target's training images, at most 0; larger is closer.

    Each pair of classes counts twice, once in each order, so a target with C classes that all look
    alike has −C (C − 1). Scores of targets with different numbers of classes do not compare.

    Raises:
        InputError: if the target has several classes, but not two with two training images.
    """
    from raytd.errors import InputError
    from raytd.methods.source_model import SourceModel
    from raytd.methods.transferability.matrices import principal_components
    from raytd.methods.transferability.scored import scored
    from raytd.methods.transferability.separation import gbc

    model = SourceModel(pair, context)
    components = principal_components(model.features(pair.target))[:, : config.components]
    labels = model.labels(pair.target)
    overlap = gbc(features=components, target_labels=labels, variances=config.variances)
    name, warnings = pair.target.name, []
    if overlap.n_compared < 2 <= len(pair.target.classes):
        raise InputError(
            f"gbc needs two classes with two training images each, and {name} has "
            f"{overlap.n_compared} of them among {len(pair.target.classes)} classes; take more "
            "training images"
        )
    if overlap.n_single:
        warnings.append(
            f"{overlap.n_single} of {len(pair.target.classes)} classes of {name} have a single "
            "training image and so no variance; gbc leaves them out"
        )
    if overlap.value == 0 and overlap.n_compared >= 2:
        warnings.append(
            f"no two classes of {name} overlap by any number above zero, so gbc tells such sources "
            "apart in no way; lower gbc.components"
        )
    figures = {
        "compared_classes": overlap.n_compared,
        "principal_components": components.shape[1],
    }
    return scored(overlap.value, pair, model, figures=figures, warnings=tuple(warnings))


METHOD = Method(
    name="gbc",
    unit="1",
    smaller_is_closer=False,
    settings=GBCConfig,
    section="gbc",
    run=run,
    costs="one pass over the target's images",
    figures=GBCFigures,
)

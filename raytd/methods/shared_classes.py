"""A control: the classes that two tasks share, which distances between such tasks must beat."""

from typing import TYPE_CHECKING, Annotated, TypedDict

from raytd.engine.config import Settings
from raytd.methods.method import Method
from raytd.rows.column import Column

if TYPE_CHECKING:
    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.score import Score


class SharedClassesConfig(Settings):
    """The control has no settings."""


class Figures(TypedDict, total=False):
    """What its results say beside the value."""

    shared_classes: Annotated[int, Column("classes that both tasks have")]


def run(pair: "Pair", config: SharedClassesConfig, context: "Context") -> "Score":
    """The share of the target's classes that the source does not have, from 0 to 1.

    Classes are one where data set and class name are. It looks at no image, and tells pairs with
    disjoint classes from one another in no way.
    """
    from raytd.methods.score import Score

    known, wanted = set(pair.source.classes), set(pair.target.classes)
    return Score(
        value=len(wanted - known) / len(wanted),
        sgd_steps=0,
        forward_images=0,
        figures={"shared_classes": len(wanted & known)},
    )


METHOD = Method(
    name="shared-classes",
    unit="1",
    smaller_is_closer=True,
    settings=SharedClassesConfig,
    section=None,
    run=run,
    costs="nothing",
    obeys=(),
    needs=(),
    figures=Figures,
)

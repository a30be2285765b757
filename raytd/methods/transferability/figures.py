"""What the results of a score say beside the value."""

from typing import Annotated, TypedDict

from raytd.rows.column import Column


class Figures(TypedDict, total=False):
    """The same for every score that a source model gets on a target."""

    target_classes: Annotated[int, Column("classes of the target")]

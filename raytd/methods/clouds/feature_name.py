"""Names of image features in the settings of methods, refused where they cannot be had."""

from typing import Annotated

from pydantic import AfterValidator

from raytd.rows.column import Column


def _available(name: str) -> str:
    from raytd.models.features import problem_with

    problem = problem_with(name)
    if problem is not None:
        raise ValueError(problem)
    return name


FeatureName = Annotated[str, AfterValidator(_available)]
"""`source`, `pixels`, `efficientnet-lite0` or `torchvision:NAME` with trained weights."""

FeaturesOf = Annotated[str, Column("whose features the images have")]
"""The column of results that says so."""

"""Names of image features in the settings of methods, refused where they cannot be had."""

from typing import Annotated

from pydantic import AfterValidator


def _available(name: str) -> str:
    from raytd.models.features import problem_with

    problem = problem_with(name)
    if problem is not None:
        raise ValueError(problem)
    return name


FeatureName = Annotated[str, AfterValidator(_available)]
"""`source`, `pixels`, `efficientnet-lite0` or `torchvision:NAME` with trained weights."""

"""Tasks and a context for methods that follow no trajectory."""

import pytest

from raytd.engine.config import TrajectoryConfig
from raytd.engine.setup.context import Context, Pair
from raytd.learning.sources import SourceCache
from tests.conftest import make_context, small_task


@pytest.fixture
def context(sources: SourceCache, small_trajectory: TrajectoryConfig) -> Context:
    return make_context(sources, small_trajectory)


@pytest.fixture(scope="session")
def itself(pair: Pair) -> Pair:
    return Pair(pair.source, pair.source, pair.model, pair.seed)


@pytest.fixture(scope="session")
def uneven() -> Pair:
    """Tasks of different sizes and numbers of classes."""
    low = small_task("digits-low", train=40)
    return Pair(low, small_task("digits", train=50, val=30), "cnn8-narrow", seed=3)

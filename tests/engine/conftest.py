"""What the tests of the engine share: a trial of few images and segments, and two actors."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from raytd.engine.config import TrajectoryConfig
from raytd.engine.setup.context import Pair
from tests.conftest import small_task

if TYPE_CHECKING:
    from raytd.engine.on_ray.pool import ActorPool


@pytest.fixture(scope="session")
def tiny_pair() -> Pair:
    """Two tasks of twenty images that share no class."""
    low, high = (small_task(name, train=20, val=10) for name in ("digits-low", "digits-high"))
    return Pair(low, high, "tests.methods.plain_nets:normed", seed=3)


@pytest.fixture(scope="session")
def short() -> TrajectoryConfig:
    """As few segments as there may be, of one step each."""
    return TrajectoryConfig(steps=10, batch_size=4, lr=0.01, segments=10)


@pytest.fixture(scope="module")
def two_actors(ray_cluster: None) -> Iterator["ActorPool"]:
    """Two block actors, each with half a logical GPU, and the coordinator's."""
    from raytd.engine.on_ray.pool import ActorPool, ActorShape

    pool = ActorPool(ActorShape(2, cpus=0.5, gpus=0.5))
    yield pool
    pool.close()

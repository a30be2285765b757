"""The smallest trials that show what the engine promises, and the comparison of their bits."""

from collections.abc import Sequence

import numpy as np
import torch

from raytd.engine.config import TrajectoryConfig
from raytd.engine.records import Iteration
from raytd.engine.setup.context import Pair
from raytd.engine.setup.prepare import Prepared, prepare
from raytd.learning.sources import SourceCache
from raytd.methods.paths.coupled import CoupledConfig
from tests.conftest import make_context

N_ITERATIONS = 2


def coupled_trial(
    pair: Pair,
    sources: SourceCache,
    trajectory: TrajectoryConfig,
    *,
    support: str = "blocks",
    n_blocks: int = 2,
) -> Prepared:
    """A trial of two iterations on some number of blocks."""
    settings = CoupledConfig(
        blocks=n_blocks, tile_size=5, iterations=N_ITERATIONS, support=support, tolerance=1e-8
    )
    return prepare(pair, make_context(sources, trajectory), settings)


def assert_same_bits(left: Sequence[Iteration], right: Sequence[Iteration]) -> None:
    """Two runs of such a trial have the same numbers, to the last bit of each."""
    assert len(left) == len(right) == N_ITERATIONS
    for one, other in zip(left, right, strict=True):
        assert one.lengths == other.lengths
        assert one.moments == other.moments
        assert one.knots == other.knots
        assert one.solve == other.solve
        assert one.change == other.change
        assert one.distance_error == other.distance_error
        assert (one.target_loss, one.forward_images) == (other.target_loss, other.forward_images)
        np.testing.assert_array_equal(one.cost, other.cost)
        np.testing.assert_array_equal(one.coupling, other.coupling)
        for name in ("rows", "cols", "a", "b"):
            assert torch.equal(getattr(one.tiles, name), getattr(other.tiles, name))

"""External features choose the first coupling; a source below the stated accuracy is flagged."""

from dataclasses import replace

import numpy as np
import ot
import pytest
from scipy.spatial.distance import cdist

from raytd.engine.config import PretrainConfig, TrajectoryConfig
from raytd.engine.executor import run_in_process
from raytd.engine.setup.context import Context, Pair
from raytd.engine.setup.prepare import Prepared, prepare
from raytd.learning.sources import SourceCache
from raytd.methods.paths.coupled import CoupledConfig
from raytd.methods.paths.result import run_prepared
from tests.conftest import make_context

SIDE = 30
SETTINGS = {
    "iterations": 1,
    "tile_size": SIDE,
    "dealing": "index",
    "tolerance": 1e-12,
    "max_iterations": 20_000,
}


@pytest.fixture(scope="module")
def pair(pair: Pair) -> Pair:
    """With a network that costs next to nothing, and has batch norm and dropout."""
    return replace(pair, model="tests.methods.plain_nets:normed")


@pytest.fixture
def context(sources: SourceCache, small_trajectory: TrajectoryConfig) -> Context:
    return make_context(sources, small_trajectory.model_copy(update={"steps": 20}))


def prepared(pair: Pair, context: Context, **settings: str) -> Prepared:
    return prepare(pair, context, CoupledConfig(**SETTINGS, **settings))


@pytest.mark.parametrize("support", ["blocks", "global"])
@pytest.mark.parametrize("cost", ["sqeuclidean", "cosine"])
def test_the_first_coupling_is_that_of_pot_on_the_distances_of_pixels(
    cost: str, support: str, pair: Pair, context: Context
) -> None:
    ready = prepared(pair, context, features="pixels", feature_cost=cost, support=support)
    (iteration,) = run_in_process(ready.plan, ready.cut)
    x, y = (t.train.images.reshape(SIDE, -1) / 255 for t in (pair.source, pair.target))
    distances = cdist(x, y, cost)
    centred = distances - distances.mean(0) - distances.mean(1, keepdims=True) + distances.mean()
    spread = np.sqrt((centred**2).mean())
    masses = [np.full(SIDE, 1 / SIDE)] * 2
    expected = ot.sinkhorn(*masses, distances / spread, 0.5, stopThr=1e-13, numItermax=20_000)
    tiles, coupling = iteration.tiles, np.zeros((SIDE, SIDE))
    coupling[tiles.rows[0].numpy()[:, None], tiles.cols[0].numpy()] = iteration.coupling[0]
    # Pixels are float32, and costs of size ten are known to 1e-6 of themselves.
    np.testing.assert_allclose(coupling, expected, rtol=1e-4, atol=1e-9)


def test_no_image_goes_through_the_source_model_for_features_from_outside(
    pair: Pair, context: Context
) -> None:
    own, outside = (
        run_prepared(prepared(pair, context, features=name), context)
        for name in ("source", "pixels")
    )
    assert own.forward_images - outside.forward_images == 2 * SIDE


def test_cosine_and_euclidean_costs_of_the_source_s_features_differ(
    pair: Pair, context: Context
) -> None:
    couplings = []
    for cost in ("sqeuclidean", "cosine"):
        ready = prepared(pair, context, feature_cost=cost)
        couplings.append(next(iter(run_in_process(ready.plan, ready.cut))).coupling)
    assert np.abs(couplings[0] - couplings[1]).max() > 1e-4


def test_a_source_below_the_stated_accuracy_is_flagged_in_the_result(
    pair: Pair, context: Context
) -> None:
    strict, lax = (
        replace(context, pretrain=PretrainConfig(epochs=4, batch_size=10, min_accuracy=wanted))
        for wanted in (1.0, 0.0)
    )
    flagged = run_prepared(prepared(pair, strict), strict)
    assert flagged.source_accuracy < 1
    assert [w for w in flagged.warnings if "pretrain.min_accuracy = 1" in w]
    assert "pretrain.min_accuracy = 1" in flagged.columns()["warnings"]
    assert not [w for w in run_prepared(prepared(pair, lax), lax).warnings if "min_acc" in w]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pixel", "unknown features 'pixel'; .* did you mean 'pixels'"),
        ("torchvision:resnet81", "torchvision has no classifier 'resnet81'"),
    ],
)
def test_features_that_cannot_be_had_are_refused_in_the_settings(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CoupledConfig(features=name)

"""Learning rates matched to the speed of a reference network, `trajectory.match: speed`."""

import numpy as np
import pytest
from pydantic import ValidationError

from raytd.engine.config import TilingConfig, TrajectoryConfig
from raytd.engine.setup.context import Context, Pair, networks
from raytd.engine.setup.prepare import Cutter, prepare
from raytd.learning.sources import SourceCache
from tests.conftest import make_context

LONG = {"steps": 400, "batch_size": 20, "lr": 0.003}


def speed_of(pair: Pair, context: Context) -> tuple[float, float]:
    """Learning rate that a trial uses, and the initial speed at it."""
    prepared = prepare(pair, context, TilingConfig(tile_size=5))
    cutter = Cutter(pair, prepared.space, prepared.plan, context)
    cutter.lr = prepared.lr
    return prepared.lr, cutter.initial_speed()


def test_a_network_is_as_fast_as_itself(pair: Pair, sources: SourceCache) -> None:
    trajectory = TrajectoryConfig(**LONG, match="speed", reference=pair.model)
    lr, _ = speed_of(pair, make_context(sources, trajectory))
    assert lr == 0.003


def test_matched_networks_move_alike_at_the_start(pair: Pair, sources: SourceCache) -> None:
    other = Pair(pair.source, pair.target, "wrn-10-1", pair.seed)
    plain = make_context(sources, TrajectoryConfig(**LONG))
    matched = TrajectoryConfig(**LONG, match="speed", reference=pair.model)
    _, wanted = speed_of(pair, plain)
    lr, before = speed_of(other, plain)
    matched_lr, after = speed_of(other, make_context(sources, matched))
    assert lr == 0.003
    np.testing.assert_allclose(matched_lr, 0.003 * np.sqrt(wanted / before), rtol=1e-12)
    # Speed goes with the squared rate only where the path stays the same, so it is matched roughly.
    assert abs(np.log(after / wanted)) < 0.5 * abs(np.log(before / wanted))


def test_the_speed_grows_with_the_square_of_a_small_rate(pair: Pair, sources: SourceCache) -> None:
    speeds = [
        speed_of(pair, make_context(sources, TrajectoryConfig(**LONG | {"lr": lr})))[1]
        for lr in (1e-5, 2e-5)
    ]
    # float32 predictions that change by 1e-5.
    np.testing.assert_allclose(speeds[1] / speeds[0], 4, rtol=0.05)


def test_the_reference_is_one_of_the_networks_to_train(pair: Pair, sources: SourceCache) -> None:
    trajectory = TrajectoryConfig(**LONG, match="speed", reference="wrn-10-1")
    pretrain = make_context(sources, trajectory).pretrain
    models = [recipe.model for _, recipe in networks(pair, pretrain, trajectory)]
    assert models == ["cnn8-narrow", "wrn-10-1", "cnn8-narrow"]


def test_matching_needs_a_network_that_there_is() -> None:
    with pytest.raises(ValidationError, match=r"needs the name of a network"):
        TrajectoryConfig(match="speed")
    with pytest.raises(ValidationError, match=r"unknown model 'cnn9'"):
        TrajectoryConfig(match="speed", reference="cnn9")
    with pytest.raises(ValidationError, match=r"no effect without match: speed"):
        TrajectoryConfig(reference="cnn8")


def test_a_reference_does_not_change_trials_that_match_nothing() -> None:
    assert TrajectoryConfig(match="lr", reference="cnn8") == TrajectoryConfig()

"""Static rankings know the source alone: its images, or how well its network does."""

from dataclasses import replace

import pytest

from raytd.engine.config import TrajectoryConfig
from raytd.engine.setup.context import Context, Pair, source_recipe
from raytd.learning.sources import SourceCache
from raytd.methods import static_accuracy, static_size
from raytd.methods.registry import METHODS
from raytd.methods.static_accuracy import StaticAccuracyConfig
from raytd.methods.static_size import StaticSizeConfig
from tests.conftest import make_context, small_task


@pytest.fixture
def context(sources: SourceCache, small_trajectory: TrajectoryConfig) -> Context:
    return make_context(sources, small_trajectory)


def test_the_size_is_the_number_of_training_images_of_the_source(
    pair: Pair, context: Context
) -> None:
    for n in (20, 40):
        sized = replace(pair, source=small_task("digits-low", train=n))
        score = static_size.run(sized, StaticSizeConfig(), context)
        assert (score.value, score.sgd_steps, score.forward_images) == (n, 0, 0)


def test_the_accuracy_is_that_of_the_source_network_on_its_own_task(
    pair: Pair, context: Context
) -> None:
    source = context.sources.get(pair.source, source_recipe(pair, context.pretrain))
    score = static_accuracy.run(pair, StaticAccuracyConfig(), context)
    assert score.value == score.figures["source_accuracy"] == source.accuracy
    assert (score.sgd_steps, score.forward_images) == (0, 0)


def test_neither_looks_at_the_target(pair: Pair, context: Context) -> None:
    others = [pair.source, small_task("digits-even"), small_task("digits", train=50)]
    for module, config in (
        (static_size, StaticSizeConfig()),
        (static_accuracy, StaticAccuracyConfig()),
    ):
        values = {module.run(replace(pair, target=t), config, context).value for t in others}
        assert values == {module.run(pair, config, context).value}


def test_more_is_closer_and_only_the_accuracy_needs_a_network() -> None:
    size, accuracy = METHODS["static-size"], METHODS["static-accuracy"]
    assert not size.smaller_is_closer
    assert not accuracy.smaller_is_closer
    assert (size.unit, accuracy.unit) == ("1", "accuracy")
    assert size.networks(size.settings()) == ()
    assert accuracy.networks(accuracy.settings()) == ("source",)

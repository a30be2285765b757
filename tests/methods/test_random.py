"""The control: uniform, directed, and the same for the same tasks."""

from dataclasses import replace

import pytest
from scipy.stats import kstest, spearmanr

from raytd.engine.config import TrajectoryConfig
from raytd.engine.setup.context import Context, Pair
from raytd.learning.sources import SourceCache
from raytd.methods.random import RandomConfig, run
from raytd.tasks.task import Task
from tests.conftest import make_context


@pytest.fixture
def context(small_trajectory: TrajectoryConfig) -> Context:
    return make_context(SourceCache(None), small_trajectory)


def value(pair: Pair, context: Context) -> float:
    return run(pair, RandomConfig(), context).value


def test_values_of_many_seeds_are_uniform_and_unrelated(pair: Pair, context: Context) -> None:
    back = replace(pair, source=pair.target, target=pair.source)
    there = [value(replace(pair, seed=s), context) for s in range(500)]
    again = [value(replace(back, seed=s), context) for s in range(500)]
    # Fixed numbers: p-values of a test that a uniform law fails once in a hundred times.
    assert kstest(there, "uniform").pvalue > 0.01
    assert spearmanr(there, again).pvalue > 0.01


def test_it_knows_seed_network_and_images_in_their_order_and_no_names(
    pair: Pair, context: Context
) -> None:
    back = replace(pair, source=pair.target, target=pair.source)
    others = [back, replace(pair, seed=4), replace(pair, model="cnn8")]
    others.append(replace(pair, target=pair.source))
    values = [value(p, context) for p in (pair, *others)]
    assert len(set(values)) == 5
    renamed = Task("other", *(getattr(pair.source, f) for f in list(vars(pair.source))[1:6]))
    assert value(replace(pair, source=renamed), context) == values[0]


def test_it_costs_nothing(pair: Pair, context: Context) -> None:
    score = run(pair, RandomConfig(), context)
    assert (score.sgd_steps, score.forward_images) == (0, 0)
    assert 0 <= score.value < 1

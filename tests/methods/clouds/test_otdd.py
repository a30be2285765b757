"""OTDD from tasks to the number, against loops and POT."""

from dataclasses import replace

import numpy as np
import ot
import pytest

from raytd.engine.setup.context import Context, Pair
from raytd.methods.clouds.otdd import OTDDConfig, run
from raytd.tasks.task import Task
from tests.cases import for_each


def pixels(task: Task) -> np.ndarray:
    return task.train.images.reshape(len(task.train.labels), -1) / 255


def looped_cost(source: Task, target: Task) -> np.ndarray:
    """|x − x'|²/2 + W²(y, y')/2, pair by pair, with POT's Bures distance."""
    x, y = pixels(source), pixels(target)
    cost = np.empty((len(x), len(y)))
    squares = {}
    for i, c in enumerate(source.train.labels):
        for j, k in enumerate(target.train.labels):
            if (c, k) not in squares:
                clouds = x[source.train.labels == c], y[target.train.labels == k]
                means = [cloud.mean(0) for cloud in clouds]
                # A millionth of the identity keeps POT's roots real.
                covariances = [np.cov(p.T, bias=True) + 1e-6 * np.eye(p.shape[1]) for p in clouds]
                squares[c, k] = ot.gaussian.bures_wasserstein_distance(*means, *covariances) ** 2
            cost[i, j] = ((x[i] - y[j]) ** 2).sum() / 2 + squares[c, k] / 2
    return cost


def test_without_entropy_the_value_is_pots_on_the_looped_cost(pair: Pair, context: Context) -> None:
    expected = ot.emd2([], [], looped_cost(pair.source, pair.target))
    score = run(pair, OTDDConfig(epsilon=0), context)
    # The loops' covariances have 1e-6 more in each of 64 directions: roots of 1e-3 in W².
    assert score.value == pytest.approx(expected, rel=5e-3)
    assert score.figures["label_cost"] > 0


def test_with_little_entropy_the_value_nears_that(pair: Pair, context: Context) -> None:
    exact = run(pair, OTDDConfig(epsilon=0), context).value
    values = [run(pair, OTDDConfig(epsilon=e), context).value for e in (0.2, 0.05, 0.01)]
    gaps = [abs(v - exact) / exact for v in values]
    assert gaps[2] < gaps[1] < gaps[0]
    assert gaps[2] < 0.03


@for_each("epsilon", [0, 0.05])
@for_each("features", ["pixels", "source"])
@for_each("covariance", ["full", "diagonal"])
def test_a_task_is_at_zero_from_itself_to_the_bit(
    epsilon: float, features: str, covariance, itself: Pair, context: Context
) -> None:
    config = OTDDConfig(epsilon=epsilon, features=features, covariance=covariance, max_samples=20)
    assert run(itself, config, context).value == 0


def test_the_distance_of_pixels_is_symmetric(uneven: Pair, context: Context) -> None:
    there = run(uneven, OTDDConfig(), context)
    back = run(replace(uneven, source=uneven.target, target=uneven.source), OTDDConfig(), context)
    # The duals' errors are those of marginals within 1e-5, squared.
    assert there.value == pytest.approx(back.value, rel=1e-6)
    assert there.figures["source_samples"] == 40
    assert there.figures["target_samples"] == 50


def test_a_sample_is_drawn_by_the_seed_and_stated(pair: Pair, context: Context) -> None:
    config = OTDDConfig(max_samples=12)
    first, again, other = (
        run(p, config, context) for p in (pair, pair, replace(pair, seed=pair.seed + 1))
    )
    assert first.value == again.value != other.value
    assert first.figures["source_samples"] == first.figures["target_samples"] == 12


def test_the_root_is_that_of_the_divergence(pair: Pair, context: Context) -> None:
    score = run(pair, OTDDConfig(root=True), context)
    assert score.value**2 == pytest.approx(score.figures["divergence"])


def test_a_solve_that_did_not_converge_is_said(pair: Pair, context: Context) -> None:
    score = run(pair, OTDDConfig(epsilon=0.001, max_iterations=3), context)
    assert score.figures["coupling_converged"] is False
    assert "raise otdd.epsilon" in score.columns()["warnings"]


def test_an_epsilon_in_mean_costs_scales_with_the_features(pair: Pair, context: Context) -> None:
    score = run(pair, OTDDConfig(), context)
    epsilon = score.figures["absolute_epsilon"]
    same = run(pair, OTDDConfig(epsilon=epsilon, epsilon_unit="absolute"), context)
    assert same.value == score.value


def test_settings_of_iterations_are_idle_without_entropy() -> None:
    assert set(OTDDConfig(epsilon=0).idle()) == {"epsilon_unit", "tolerance", "max_iterations"}
    assert not OTDDConfig().idle()

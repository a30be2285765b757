"""What the lengths say where nothing but noise moves the weights."""

from functools import cache

import numpy as np
import pytest
import scipy.optimize
import scipy.special

from raytd.transfer.lengths import (
    Lengths,
    length_of_overlapping,
    pooled_two_scale_length,
    two_scale_pieces,
)
from tests.cases import for_each
from tests.transfer.gaussians import Flow, quantiles


def optimal_slope() -> float:
    """Where the gradient on the quantiles is zero; 4 but for 4e-4."""
    x, labels = (each.flatten().numpy() for each in quantiles())
    return scipy.optimize.brentq(
        lambda slope: ((scipy.special.expit(slope * x) - labels) * x).mean(), 1, 10, xtol=1e-14
    )


@cache
def same_task(batch_size: int | None, seed: int = 0) -> Lengths:
    """The target is the source, each example is coupled with itself, the model has converged."""
    return Flow(
        4000.0,
        steps=1000,
        shift=0.0,
        segments=20,
        slope=optimal_slope(),
        batch_size=batch_size,
        seed=seed,
    ).lengths()


def test_the_same_task_has_no_length_for_a_converged_model_without_noise() -> None:
    found = same_task(None)
    # The gradient is zero up to rounding, so the weights move by less than 4000 · 1e-16.
    assert found.distance < 1e-11
    assert found.fisher_rao_length < 1e-11
    assert found.noise_free_length < 1e-11


def test_the_noise_of_the_same_task_falls_like_the_root_of_the_batch() -> None:
    """16 times the batch is a quarter of the noise; it is what the raw lengths consist of."""
    few, many = ([same_task(size, seed) for seed in range(3)] for size in (20, 320))
    # Twenty segments and three seeds leave the mean to about 15 %.
    for name in ("distance", "fisher_rao_length"):
        left = [np.mean([getattr(each, name) for each in runs]) for runs in (few, many)]
        assert left[0] / left[1] == pytest.approx(4, rel=0.25)
        assert left[1] > 0.1


def test_the_noise_free_length_of_the_same_task_goes_to_zero_with_the_noise() -> None:
    """White noise leaves a quarter of itself and diffusing noise 1/sqrt(3): the noise floor."""
    few, many = ([same_task(size, seed) for seed in range(3)] for size in (20, 320))
    for runs in (few, many):
        assert np.mean([each.noise_share for each in runs]) > 1 - 3**-0.5
    left = [np.mean([each.noise_free_length for each in runs]) for runs in (few, many)]
    assert left[1] < left[0]


def white_noise(dimensions: int, fine: int) -> tuple[list[float], list[float]]:
    """Squared lengths between independent points, one step apart and two."""
    generator = np.random.default_rng(0)
    points = generator.normal(size=(fine + 1, dimensions))
    steps = ((points[1:] - points[:-1]) ** 2).sum(1)
    return steps.tolist(), ((points[2:] - points[:-2]) ** 2).sum(1).tolist()


@for_each(("dimensions", "left"), [(3, 0.22), (1000, 0.05)])
def test_white_noise_leaves_its_known_share_and_less_where_it_is_pooled(
    dimensions: int, left: float
) -> None:
    """The root of the positive part is never negative, so segment by segment it adds up.

    Pooled, S2 - S1 goes to 0; three thousand segments leave its root at a tenth or less.
    """
    fine, coarse = white_noise(dimensions, 6000)
    raw = np.sqrt(fine).sum()
    pieces = two_scale_pieces(fine, coarse)
    assert length_of_overlapping(pieces) / raw == pytest.approx(left, abs=0.01)
    assert pooled_two_scale_length(fine, coarse[::2]) / raw < left / 2

"""Labelled points on random lines, against loops, scipy's Poisson law and moments of spheres."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import chisquare, kstest, poisson

from raytd.errors import InputError
from raytd.methods.clouds.projections import Projections
from tests.cases import for_each


def drawn(n: int = 4, *, dimensions: int = 3, moments: int = 2, seed: int = 0) -> Projections:
    stream = torch.Generator().manual_seed(seed)
    return Projections.drawn(n, dimensions=dimensions, moments=moments, generator=stream)


def looped(lines: Projections, points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The data point projection, one line, point and moment at a time."""
    found = np.zeros((len(lines.directions), len(points)))
    for line, (theta, psi, orders) in enumerate(
        zip(lines.directions.tolist(), lines.weights.tolist(), lines.orders.tolist(), strict=True)
    ):
        for i, (x, y) in enumerate(zip(points, labels, strict=True)):
            found[line, i] = psi[0] * sum(t * v for t, v in zip(theta, x, strict=True))
            own = points[labels == y]
            for weight, order in zip(psi[1:], orders, strict=True):
                terms = [np.dot(theta, z) ** order / math.factorial(order) for z in own]
                found[line, i] += weight * sum(terms) / len(own)
    return found


def test_a_point_goes_where_explicit_loops_put_it() -> None:
    lines = drawn(20, moments=3)
    points = torch.randn(9, 3, generator=torch.Generator().manual_seed(1)).double()
    labels = torch.tensor([0, 2, 2, 0, 0, 3, 2, 3, 3])  # no image of class 1
    expected = looped(lines, points.numpy(), labels.numpy())
    np.testing.assert_allclose(lines.of(points, labels).numpy(), expected, rtol=1e-10, atol=1e-12)


def test_orders_follow_poisson_laws_without_zero() -> None:
    orders = drawn(20_000, moments=5).orders.numpy()
    assert orders.min() == 1
    for i in range(5):
        counts = np.bincount(np.minimum(orders[:, i], 12), minlength=13)[1:]
        law = np.array([*poisson.pmf(range(1, 12), i + 1), poisson.sf(11, i + 1)])
        law /= 1 - poisson.pmf(0, i + 1)
        often = law * len(orders) > 5
        tail = [counts[~often].sum()], [law[~often].sum() * len(orders)]
        found, expected = np.r_[counts[often], tail[0]], np.r_[law[often] * len(orders), tail[1]]
        # A fixed seed: a test that the law fails once in a hundred times.
        assert chisquare(found[expected > 0], expected[expected > 0]).pvalue > 0.01


def test_directions_and_weights_are_uniform_on_their_spheres() -> None:
    lines = drawn(5_000, dimensions=3, moments=2)
    for unit in (lines.directions, lines.weights):
        torch.testing.assert_close(unit.norm(dim=1), torch.ones(5_000).double())
        # Archimedes: a coordinate of a sphere in three dimensions is uniform in [-1, 1].
        assert kstest(unit[:, 0].numpy(), "uniform", args=(-1, 2)).pvalue > 0.01


@for_each("scale", [1e40, 1e200])
def test_moments_beyond_all_numbers_are_refused(scale: float) -> None:
    points = scale * torch.ones(4, 3, dtype=torch.float64)
    with pytest.raises(InputError, match="take features of a smaller scale"):
        drawn(50, moments=5).of(points, torch.tensor([0, 0, 1, 1]))

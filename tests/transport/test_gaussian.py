"""Bures distances against POT, and covariances of any rank."""

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raytd.errors import InputError
from raytd.transport.gaussian import Gaussian, pairwise, squared_wasserstein
from tests.cases import for_each


def cloud(seed: int, n: int, d: int) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    mixing = torch.randn((d, d), dtype=torch.float64, generator=stream)
    return torch.randn((n, d), dtype=torch.float64, generator=stream) @ mixing + seed


@given(st.integers(0, 1000), st.integers(8, 40), st.integers(8, 40), st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_the_distance_is_that_of_pot(seed: int, n: int, m: int, d: int) -> None:
    x, y = cloud(seed, n, d), cloud(seed + 1, m, d)
    moments = [(p.mean(0).numpy(), np.atleast_2d(np.cov(p.numpy().T, bias=True))) for p in (x, y)]
    (mean, covariance), (other_mean, other) = moments
    expected = ot.gaussian.bures_wasserstein_distance(mean, other_mean, covariance, other)
    # POT takes roots of covariances, which halves the digits where they are near singular.
    found = squared_wasserstein(Gaussian.of(x), Gaussian.of(y)) ** 0.5
    assert found == pytest.approx(float(expected), rel=1e-6)


def test_fewer_points_than_dimensions_have_the_exact_distance() -> None:
    # Covariances on two lines at the angle θ: W² = |m − m'|² + s² + t² − 2 s t |cos θ|.
    angle, d = 0.3, 50
    first, second = torch.zeros(2, d, dtype=torch.float64), torch.zeros(2, d, dtype=torch.float64)
    first[0, 0], first[1, 0] = 3.0, -3.0
    direction = torch.zeros(d, dtype=torch.float64)
    direction[0], direction[7] = np.cos(angle), np.sin(angle)
    second[0], second[1] = 2 * direction, -2 * direction
    second[:, 20] = 5.0
    found = squared_wasserstein(Gaussian.of(first), Gaussian.of(second))
    assert found == pytest.approx(25 + 9 + 4 - 12 * np.cos(angle), rel=1e-12)


def test_one_image_is_a_point() -> None:
    first, second = torch.zeros(1, 3, dtype=torch.float64), torch.ones(1, 3, dtype=torch.float64)
    assert squared_wasserstein(Gaussian.of(first), Gaussian.of(second)) == 3


@for_each("covariance", ["full", "diagonal"])
@for_each("n", [5, 60])
def test_a_cloud_is_at_zero_from_itself(covariance, n: int) -> None:
    gaussian = Gaussian.of(cloud(0, n, 20))
    again = Gaussian.of(cloud(0, n, 20))
    assert squared_wasserstein(gaussian, again, covariance=covariance) == 0


def test_the_diagonal_distance_is_that_of_means_and_deviations() -> None:
    x, y = cloud(0, 30, 4), cloud(3, 20, 4)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + (
        (x.std(0, correction=0) - y.std(0, correction=0)) ** 2
    ).sum()
    found = squared_wasserstein(Gaussian.of(x), Gaussian.of(y), covariance="diagonal")
    assert found == pytest.approx(float(expected), rel=1e-12)


def test_covariances_in_common_axes_have_no_more_than_their_diagonals() -> None:
    x = torch.tensor([[1.0, 0], [-1, 0], [0, 2], [0, -2]], dtype=torch.float64)
    y = torch.tensor([[3.0, 0], [-3, 0], [0, 1], [0, -1]], dtype=torch.float64)
    values = [
        squared_wasserstein(Gaussian.of(x), Gaussian.of(y), covariance=c)
        for c in ("full", "diagonal")
    ]
    # Deviations are 1/√2, √2 and 3/√2, 1/√2.
    assert values == pytest.approx([2.0 + 0.5, 2.5], rel=1e-12)


def test_every_pair_is_measured() -> None:
    rows, columns = (
        [Gaussian.of(cloud(s, 9, 2)) for s in seeds] for seeds in (range(2), range(5, 8))
    )
    table = pairwise(rows, columns)
    assert table.shape == (2, 3)
    assert float(table[1, 2]) == squared_wasserstein(rows[1], columns[2])


def test_a_class_without_images_is_refused() -> None:
    with pytest.raises(InputError, match="a class without images has no mean"):
        Gaussian.of(torch.zeros(0, 3, dtype=torch.float64))

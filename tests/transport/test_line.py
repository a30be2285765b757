"""W² of clouds on a line against POT's linear programme and a shift of known length."""

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raytd.errors import InputError
from raytd.transport.line import squared_wasserstein_on_line
from tests.cases import for_each


def drawn(seed: int, lines: int, n: int) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    return torch.randn((lines, n), dtype=torch.float64, generator=stream)


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_it_is_the_least_cost_of_the_linear_programme(seed: int, n: int, m: int) -> None:
    x, y = drawn(seed, 3, n), drawn(seed + 1, 3, m)
    costs = (x[:, :, None] - y[:, None, :]).numpy() ** 2
    expected = [ot.emd2(np.full(n, 1 / n), np.full(m, 1 / m), cost) for cost in costs]
    found = squared_wasserstein_on_line(x, y)
    # Sums of at most 24 squares in float64.
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10, atol=1e-12)


def test_a_shifted_cloud_is_as_far_as_the_shift_and_a_cloud_is_at_zero_from_itself() -> None:
    x = drawn(0, 4, 7)
    shift = torch.tensor([0.0, 1.0, -2.0, 0.5]).double()
    found = squared_wasserstein_on_line(x, x + shift[:, None])
    torch.testing.assert_close(found, shift**2, rtol=1e-12, atol=1e-15)
    assert squared_wasserstein_on_line(x, x.flip(1)).tolist() == [0.0] * 4


def test_points_that_come_twice_weigh_as_much_as_once() -> None:
    x, y = drawn(1, 2, 5), drawn(2, 2, 3)
    twice = squared_wasserstein_on_line(x.repeat(1, 2), y)
    torch.testing.assert_close(twice, squared_wasserstein_on_line(x, y), rtol=1e-12, atol=0)


@for_each(("n", "m"), [(0, 3), (3, 0)])
def test_clouds_without_points_are_refused(n: int, m: int) -> None:
    with pytest.raises(InputError, match="a point at least"):
        squared_wasserstein_on_line(torch.zeros(2, n).double(), torch.zeros(2, m).double())


def test_clouds_on_different_numbers_of_lines_are_refused() -> None:
    with pytest.raises(InputError, match=r"shapes \(1, 2\) and \(3, 2\)"):
        squared_wasserstein_on_line(torch.zeros(1, 2).double(), torch.zeros(3, 2).double())

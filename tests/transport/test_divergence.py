"""Exact and entropic transport against POT's other solvers and linear programming."""

import numpy as np
import ot
import pytest
import torch
from scipy.optimize import linear_sum_assignment, minimize
from scipy.special import logsumexp

from raytd.errors import InputError
from raytd.transport.divergence import sinkhorn_divergence
from raytd.transport.earth_mover import earth_mover_distance, euclidean
from raytd.transport.solvers.problem import LinearProblem
from tests.cases import for_each


def points(seed: int, n: int, d: int = 3) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    return torch.randn((n, d), dtype=torch.float64, generator=stream) + 0.3 * seed


def squares(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return euclidean(x, y) ** 2


def divergence(x: torch.Tensor, y: torch.Tensor, epsilon: float, **limits):
    own = squares(x, x), squares(y, y)
    return sinkhorn_divergence(squares(x, y), own, epsilon=epsilon, **limits)


def test_the_exact_distance_between_as_many_points_is_the_best_assignment() -> None:
    cost = euclidean(points(0, 12), points(1, 12))
    weights = torch.full((12,), 1 / 12, dtype=torch.float64)
    rows, columns = linear_sum_assignment(cost.numpy())
    found = earth_mover_distance(LinearProblem(cost, weights, weights))
    assert found == pytest.approx(float(cost[rows, columns].mean()), rel=1e-12)


def test_masses_enter_as_they_are() -> None:
    cost = torch.tensor([[1.0, 4.0]], dtype=torch.float64)
    a, b = torch.tensor([2.0]).double(), torch.tensor([1.5, 0.5]).double()
    assert earth_mover_distance(LinearProblem(cost, a, b)) == pytest.approx(3.5)


def test_tiles_are_refused() -> None:
    tiles = LinearProblem(torch.ones(2, 3, 3), torch.ones(2, 3), torch.ones(2, 3))
    with pytest.raises(InputError, match="takes one matrix"):
        earth_mover_distance(tiles)


def entropic(cost: np.ndarray, epsilon: float) -> float:
    """The greatest semi-dual, found by a quasi-Newton method rather than by scaling."""
    n, m = cost.shape

    def loss(f: np.ndarray) -> tuple[float, np.ndarray]:
        logs = (f[:, None] - cost) / epsilon - np.log(n)
        g = -epsilon * logsumexp(logs, axis=0)
        coupling = np.exp(logs + g / epsilon) / m
        return -(f.mean() + g.mean()), coupling.sum(axis=1) - 1 / n

    options = {"maxiter": 5000, "maxfun": 10_000, "ftol": 0, "gtol": 1e-9}
    return -minimize(loss, cost.min(axis=1), jac=True, method="L-BFGS-B", options=options).fun


@for_each("epsilon", [5.0, 0.5])
def test_the_divergence_is_that_of_the_greatest_semi_duals(epsilon: float) -> None:
    x, y = points(0, 9), points(1, 13)
    between, source, target = (
        entropic(squares(p, q).numpy(), epsilon) for p, q in ((x, y), (x, x), (y, y))
    )
    # The dual's error is of the order of the marginal error squared, 1e-5 here.
    found = divergence(x, y, epsilon)
    assert found.value == pytest.approx(between - source / 2 - target / 2, abs=1e-6)
    assert found.transport == pytest.approx(between, abs=1e-6)


def test_the_cost_with_its_entropy_is_that_of_pots_general_solver() -> None:
    x, y = points(0, 20), points(1, 31)
    cost = squares(x, y)
    expected = ot.solve(cost.numpy(), reg=1.0, reg_type="KL", tol=1e-9, max_iter=20_000).value
    assert divergence(x, y, 1.0).transport == pytest.approx(expected, abs=1e-7)


def test_a_small_epsilon_gives_the_linear_problem() -> None:
    x, y = points(0, 15), points(2, 18)
    exact = ot.emd2([], [], squares(x, y).numpy())
    errors = [abs(divergence(x, y, e, tolerance=1e-4).value - exact) for e in (0.1, 0.01)]
    assert errors[1] < 0.02 * exact
    assert errors[1] < errors[0]
    assert divergence(x, y, 0).value == pytest.approx(exact, rel=1e-12)


def test_a_large_epsilon_gives_the_energy_distance() -> None:
    # OT → mean cost, and the divergence → |mean(x) − mean(y)|² for squared distances.
    x, y = points(0, 15), points(2, 18)
    expected = float(((x.mean(0) - y.mean(0)) ** 2).sum())
    assert divergence(x, y, 1e5).value == pytest.approx(expected, rel=1e-3)


@for_each("epsilon", [0, 0.05, 1.0])
def test_a_cloud_is_at_zero_from_itself_to_the_bit(epsilon: float) -> None:
    x = points(0, 25)
    assert divergence(x, x.clone(), epsilon).value == 0


def test_costs_far_above_epsilon_give_no_nan() -> None:
    x, y = 100 * points(0, 10), 100 * points(3, 12) + 1e4
    found = divergence(x, y, 1e-2, max_iterations=100)
    assert np.isfinite(found.value)


def test_one_image_against_one_image() -> None:
    x, y = points(0, 1), points(1, 1)
    assert divergence(x, y, 0.1).value == pytest.approx(float(squares(x, y)))


def test_too_few_iterations_are_seen_in_the_marginal_error() -> None:
    x, y = points(0, 30), points(2, 30)
    assert divergence(x, y, 0.01, max_iterations=1).marginal_error > 1e-3
    assert divergence(x, y, 0.5).marginal_error < 1e-5


def test_a_negative_epsilon_and_costs_that_are_not_finite_are_refused() -> None:
    x, y = points(0, 3), points(1, 3)
    with pytest.raises(InputError, match="epsilon is -1; it must not be negative"):
        divergence(x, y, -1)
    with pytest.raises(InputError, match=r"cost\[0, 0\] is nan"):
        divergence(x * torch.nan, y, 1)

import math

import ot
import pytest
import torch

from raytd.errors import InputError
from raytd.transport.solvers.problem import LinearProblem
from raytd.transport.solvers.sinkhorn import sinkhorn
from raytd.transport.spread import cost_spread
from tests.cases import for_each


def random_problem(n: int, m: int, *, seed: int = 0, skewed: bool = False) -> LinearProblem:
    """Squared distances between two clouds in the plane."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 2, generator=generator, dtype=torch.float64)
    y = torch.randn(m, 2, generator=generator, dtype=torch.float64) + 1
    a, b = torch.ones(n, dtype=torch.float64), torch.ones(m, dtype=torch.float64)
    if skewed:
        a, b = (torch.rand(k, generator=generator, dtype=torch.float64) ** 4 for k in (n, m))
    return LinearProblem(torch.cdist(x, y) ** 2, a / a.sum(), b / b.sum())


def as_type(problem: LinearProblem, dtype: torch.dtype) -> LinearProblem:
    return LinearProblem(problem.cost.to(dtype), problem.a.to(dtype), problem.b.to(dtype))


@for_each("epsilon", [0.01, 0.1, 1.0, 10.0])
def test_two_by_two_has_its_closed_form(epsilon: float) -> None:
    half = torch.tensor([0.5, 0.5], dtype=torch.float64)
    problem = LinearProblem(1 - torch.eye(2, dtype=torch.float64), half, half)
    coupling = sinkhorn(problem, epsilon, tolerance=1e-14).coupling
    diagonal = 0.5 / (1 + math.exp(-1 / epsilon))
    expected = [[diagonal, 0.5 - diagonal], [0.5 - diagonal, diagonal]]
    torch.testing.assert_close(coupling, torch.tensor(expected, dtype=torch.float64))


@for_each("epsilon", [0.05, 0.2, 1.0])
@for_each("skewed", [False, True])
def test_pot_finds_the_same_coupling(epsilon: float, skewed: bool) -> None:
    problem = random_problem(30, 20, skewed=skewed)
    ours = sinkhorn(problem, epsilon, tolerance=1e-12, max_iterations=20000)
    theirs = ot.sinkhorn(
        problem.a, problem.b, problem.cost, epsilon, "sinkhorn_log", numItermax=50000, stopThr=1e-13
    )
    assert ours.converged
    # Both stop at a marginal error near 1e-12; small epsilons amplify it.
    torch.testing.assert_close(ours.coupling, theirs, rtol=0, atol=1e-9)


@for_each("dtype", [torch.float64, torch.float32])
@for_each("epsilon", [1.0, 0.1, 1e-2, 1e-3])
def test_marginals_hold_at_every_epsilon_and_type(dtype: torch.dtype, epsilon: float) -> None:
    problem = as_type(random_problem(60, 50, skewed=True), dtype)
    output = sinkhorn(problem, epsilon * cost_spread(problem), tolerance=2e-6)
    assert output.converged
    assert bool(torch.isfinite(output.coupling).all())
    rounding = 8 * torch.finfo(dtype).eps
    torch.testing.assert_close(output.coupling.sum(1), problem.a, rtol=rounding, atol=0)
    off = (output.coupling.sum(0) - problem.b).abs().sum() / 2
    assert float(off) <= output.marginal_error + 10 * rounding
    assert output.marginal_error <= 2e-6


def test_primal_is_the_value_of_the_coupling_and_equals_the_dual() -> None:
    problem = random_problem(30, 20)
    output = sinkhorn(problem, 0.1, tolerance=1e-12)
    coupling = output.coupling
    direct = (coupling * problem.cost).sum() + 0.1 * torch.xlogy(coupling, coupling).sum()
    assert output.primal == pytest.approx(float(direct), abs=1e-12)
    assert output.dual == pytest.approx(output.primal, abs=1e-10)


def test_the_dual_bounds_the_optimum_from_below_before_convergence() -> None:
    problem = random_problem(30, 20)
    optimum = sinkhorn(problem, 0.05, tolerance=1e-13).primal
    bounds = [sinkhorn(problem, 0.05, max_iterations=k, tolerance=1e-13).dual for k in (1, 5, 20)]
    assert max(bounds) <= optimum + 1e-12
    assert bounds[0] < optimum - 1e-3


def test_potentials_give_the_coupling() -> None:
    problem = random_problem(30, 20, skewed=True)
    output = sinkhorn(problem, 0.1)
    exponent = (output.f[:, None] + output.g - problem.cost) / 0.1
    torch.testing.assert_close(problem.independent * exponent.exp(), output.coupling)


@for_each("dtype", [torch.float64, torch.float32])
def test_an_early_stop_leaves_exact_rows_and_says_so(dtype: torch.dtype) -> None:
    problem = as_type(random_problem(60, 50), dtype)
    output = sinkhorn(problem, 1e-3, max_iterations=3)
    assert not output.converged
    assert output.iterations == 3
    torch.testing.assert_close(output.coupling.sum(1), problem.a)
    off = (output.coupling.sum(0) - problem.b).abs().sum() / 2
    torch.testing.assert_close(float(off), output.marginal_error, rtol=1e-4, atol=0)


@for_each("dtype", [torch.float64, torch.float32])
def test_padding_gets_nothing_and_changes_nothing(dtype: torch.dtype) -> None:
    problem = as_type(random_problem(12, 10), dtype)
    cost = torch.full((15, 13), torch.nan, dtype=dtype)
    cost[:12, :10] = problem.cost
    a, b = torch.zeros(15, dtype=dtype), torch.zeros(13, dtype=dtype)
    a[:12], b[:10] = problem.a, problem.b
    padded = sinkhorn(LinearProblem(cost, a, b), 0.01)
    plain = sinkhorn(problem, 0.01)
    assert padded.coupling.count_nonzero() == padded.coupling[:12, :10].count_nonzero()
    assert float(padded.f[12:].abs().sum() + padded.g[10:].abs().sum()) == 0
    assert padded.iterations == plain.iterations
    # Longer sums round differently, and a small epsilon amplifies it.
    torch.testing.assert_close(
        padded.coupling[:12, :10], plain.coupling, rtol=0, atol=1e3 * torch.finfo(dtype).eps
    )


@for_each(("n", "m"), [(25, 25), (24, 23), (200, 190)])
@for_each("dtype", [torch.float64, torch.float32])
def test_a_tile_has_the_same_bits_in_every_batch(n: int, m: int, dtype: torch.dtype) -> None:
    """Also in a batch above the size at which torch divides the work between threads."""
    problems = [as_type(random_problem(n, m, seed=seed), dtype) for seed in range(10)]
    batch = LinearProblem(
        *(torch.stack([getattr(p, k) for p in problems]) for k in ["cost", "a", "b"])
    )
    whole = sinkhorn(batch, 0.02, max_iterations=200)
    for part in (slice(0, 1), slice(3, 7), slice(9, 10)):
        few = sinkhorn(
            LinearProblem(batch.cost[part], batch.a[part], batch.b[part]), 0.02, max_iterations=200
        )
        assert torch.equal(few.coupling, whole.coupling[part])
        assert torch.equal(few.f, whole.f[part])


def test_tiles_are_solved_like_dense_problems() -> None:
    problems = [random_problem(20, 15, seed=seed) for seed in range(3)]
    batch = LinearProblem(
        *(torch.stack([getattr(p, k) for p in problems]) for k in ["cost", "a", "b"])
    )
    whole = sinkhorn(batch, 0.1, tolerance=1e-12)
    alone = [sinkhorn(problem, 0.1, tolerance=1e-12) for problem in problems]
    torch.testing.assert_close(whole.coupling, torch.stack([one.coupling for one in alone]))
    assert whole.primal == pytest.approx(sum(one.primal for one in alone))
    assert whole.iterations == max(one.iterations for one in alone)


def test_the_same_input_gives_the_same_bits() -> None:
    problem = random_problem(300, 250)
    assert torch.equal(sinkhorn(problem, 0.05).coupling, sinkhorn(problem, 0.05).coupling)


@for_each(
    ("name", "settings"),
    [
        ("epsilon", {"epsilon": 0.0}),
        ("epsilon", {"epsilon": math.nan}),
        ("epsilon", {"epsilon": math.inf}),
        ("tolerance", {"epsilon": 1.0, "tolerance": -1.0}),
        ("max_iterations", {"epsilon": 1.0, "max_iterations": 0}),
    ],
)
def test_bad_settings_are_named(name: str, settings: dict[str, float]) -> None:
    with pytest.raises(InputError, match=rf"{name} is "):
        sinkhorn(random_problem(3, 3), **settings)

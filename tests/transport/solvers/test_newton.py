"""The end of a solve that scaling does not come to."""

import pytest
import torch

from raytd.transport.solvers.kernel import DenseKernel
from raytd.transport.solvers.newton import climb
from raytd.transport.solvers.problem import LinearProblem
from raytd.transport.solvers.scaling import Scaling
from raytd.transport.solvers.sinkhorn import sinkhorn

EPSILON = 0.02


def tied(seed: int = 0, *, excess: float = 1e-5, n: int = 3, m: int = 2) -> LinearProblem:
    """Two groups far from each other, between which hardly any mass must cross."""
    generator = torch.Generator().manual_seed(seed)
    near = torch.rand(2 * n, 2 * m, generator=generator, dtype=torch.float64)
    near[:n, m:] += 4
    near[n:, :m] += 5
    a, b = (torch.full((2 * k,), 0.5 / k, dtype=torch.float64) for k in (n, m))
    a[:n] += excess / n
    a[n:] -= excess / n
    return LinearProblem(near, a, b)


def plain_scaling(problem: LinearProblem, iterations: int) -> float:
    scaling = Scaling(problem.a, problem.b, DenseKernel(problem), EPSILON)
    return scaling.run(tolerance=1e-6, max_iterations=iterations).marginal_error


def test_a_solve_that_scaling_hardly_moves_is_brought_to_its_end() -> None:
    problem = tied()
    assert plain_scaling(problem, 5000) > 1e-6
    output = sinkhorn(problem, EPSILON, tolerance=1e-9)
    assert output.converged
    assert output.iterations < 1100
    assert output.dual == pytest.approx(output.primal, abs=1e-7)
    crossing = output.coupling[:3, 2:].sum() - output.coupling[3:, :2].sum()
    assert float(crossing) == pytest.approx(1e-5, abs=2e-9)


def test_newton_steps_and_scaling_find_the_same_coupling() -> None:
    problem = tied(excess=0.05)
    scaled = sinkhorn(problem, 0.3, tolerance=1e-12)
    g, steps = climb(problem, torch.zeros(4).double(), 0.3, tolerance=1e-12, max_steps=100)
    assert 0 < steps < 20
    # A constant moves between f and g.
    torch.testing.assert_close(g - g[0], scaled.g - scaled.g[0], rtol=0, atol=1e-9)


def test_a_climb_stops_after_the_steps_it_may_take() -> None:
    problem = tied()
    start = torch.zeros(4).double()
    assert climb(problem, start, EPSILON, tolerance=1e-9, max_steps=2)[1] == 2
    assert torch.equal(climb(problem, start, EPSILON, tolerance=1e-9, max_steps=0)[0], start)


def test_padding_is_left_at_0() -> None:
    problem = tied()
    cost = torch.full((8, 6), torch.nan).double()
    cost[:6, :4] = problem.cost
    a, b = torch.zeros(8).double(), torch.zeros(6).double()
    a[:6], b[:4] = problem.a, problem.b
    output = sinkhorn(LinearProblem(cost, a, b), EPSILON)
    assert output.converged
    assert float(output.coupling[6:].sum() + output.coupling[:, 4:].sum()) == 0
    assert float(output.g[4:].abs().sum()) == 0


def test_a_tile_that_needs_newton_has_its_bits_in_every_batch_and_leaves_the_others() -> None:
    easy = LinearProblem(tied(3).cost % 1, tied(excess=0).a, tied().b)
    problems = [tied(0), easy, tied(1), tied(2)]
    batch = LinearProblem(
        *(torch.stack([getattr(p, k) for p in problems]) for k in ["cost", "a", "b"])
    )
    whole = sinkhorn(batch, EPSILON)
    assert whole.converged
    for part in (slice(0, 1), slice(1, 2), slice(1, 4)):
        few = sinkhorn(LinearProblem(batch.cost[part], batch.a[part], batch.b[part]), EPSILON)
        assert torch.equal(few.coupling, whole.coupling[part])
        assert torch.equal(few.g, whole.g[part])


def test_what_only_rounding_is_short_of_ends_without_a_step() -> None:
    masses = torch.tensor([0.1, 0.2, 0.7], dtype=torch.float64)
    one = torch.tensor([1.0], dtype=torch.float64)
    problem = LinearProblem(torch.rand(3, 1, dtype=torch.float64), masses, one)
    g, steps = climb(problem, torch.zeros(1).double(), EPSILON, tolerance=1e-300, max_steps=50)
    assert float(g) == 0
    assert steps == 0

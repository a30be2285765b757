"""What a coupling must not notice, and where it must go, over the whole domain of problems."""

import math

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from raytd.transport.proximal import coupling_step
from raytd.transport.settings import EpsilonUnit
from raytd.transport.solvers.problem import LinearProblem
from raytd.transport.solvers.sinkhorn import sinkhorn
from raytd.transport.spread import cost_spread
from tests.cases import for_each

# The first calls of torch take longer than hypothesis allows an example. Forty problems hold masses
# of all sizes, sides of 1 and of 12, and every epsilon. Newton's method takes over after 1,000
# iterations of scaling, so that no example is slow by chance.
few = settings(max_examples=40, deadline=None)


@st.composite
def problems(draw: st.DrawFn, decades: int = 6) -> LinearProblem:
    """Dense problems with masses over some decades and rows and columns without any."""
    kinds = st.sampled_from([-decades, -3, 0, None])
    n, m = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    cost = torch.randn(n, m, generator=generator, dtype=torch.float64)
    marginals = []
    for size in (n, m):
        exponents = draw(st.lists(kinds, min_size=size, max_size=size))
        masses = torch.tensor([0.0 if e is None else 10.0**e for e in exponents]).double()
        masses[draw(st.integers(0, size - 1))] = 1.0
        marginals.append(masses / masses.sum())
    return LinearProblem(cost, *marginals)


epsilons = st.sampled_from([1e-3, 1e-2, 0.1, 1.0, 30.0])


@few
@given(problem=problems(), epsilon=epsilons, dtype=st.sampled_from([torch.float32, torch.float64]))
def test_the_coupling_is_finite_and_its_rows_exact(
    problem: LinearProblem, epsilon: float, dtype: torch.dtype
) -> None:
    problem = LinearProblem(*(x.to(dtype) for x in (problem.cost, problem.a, problem.b)))
    output = sinkhorn(problem, epsilon, max_iterations=500)
    for values in (output.coupling, output.f, output.g):
        assert bool(torch.isfinite(values).all())
    assert math.isfinite(output.primal)
    assert math.isfinite(output.dual)
    assert bool((output.coupling >= 0).all())
    assert output.coupling[~problem.allowed].count_nonzero() == 0
    rounding = 32 * torch.finfo(dtype).eps
    torch.testing.assert_close(output.coupling.sum(1), problem.a, rtol=rounding, atol=0)
    off = float((output.coupling.sum(0) - problem.b).abs().sum() / 2)
    assert off == pytest.approx(output.marginal_error, rel=1e-3, abs=rounding)


@few
@given(problem=problems(), epsilon=st.sampled_from([0.1, 1.0]))
def test_row_and_column_costs_leave_no_trace(problem: LinearProblem, epsilon: float) -> None:
    n, m = problem.cost.shape
    shift = torch.linspace(-4, 9, n).double()[:, None] + torch.linspace(5, -2, m).double() + 3.14
    plain = sinkhorn(problem, epsilon, tolerance=1e-12)
    shifted = sinkhorn(problem.with_cost(problem.cost + shift), epsilon, tolerance=1e-12)
    assert plain.converged
    assert shifted.converged
    torch.testing.assert_close(shifted.coupling, plain.coupling, rtol=0, atol=1e-9)


@few
@given(problem=problems(), epsilon=epsilons)
def test_cost_and_epsilon_scale_together_to_the_bit(problem: LinearProblem, epsilon: float) -> None:
    """By a power of two, so that nothing rounds differently."""
    plain = sinkhorn(problem, epsilon, max_iterations=200)
    scaled = sinkhorn(problem.with_cost(8 * problem.cost), 8 * epsilon, max_iterations=200)
    assert torch.equal(scaled.coupling, plain.coupling)
    assert torch.equal(scaled.f, 8 * plain.f)


@few
@given(problem=problems(), epsilon=st.sampled_from([0.1, 1.0]))
def test_the_coupling_transposes_with_the_cost(problem: LinearProblem, epsilon: float) -> None:
    transposed = LinearProblem(problem.cost.mT.contiguous(), problem.b, problem.a)
    one, other = (sinkhorn(each, epsilon, tolerance=1e-12) for each in (problem, transposed))
    assert one.converged
    assert other.converged
    torch.testing.assert_close(one.coupling.mT, other.coupling, rtol=0, atol=1e-9)


@few
@given(problem=problems())
def test_a_large_epsilon_gives_the_independent_coupling(problem: LinearProblem) -> None:
    coupling = sinkhorn(problem, 1e6, tolerance=1e-12).coupling
    # To first order the coupling is off by cost / epsilon, relatively.
    torch.testing.assert_close(coupling, problem.independent, rtol=2e-5, atol=1e-12)


@for_each("seed", range(3))
def test_a_small_epsilon_gives_the_linear_programme(seed: int) -> None:
    generator = np.random.default_rng(seed)
    cost = generator.random((40, 30))
    a, b = generator.dirichlet(np.ones(40)), generator.dirichlet(np.ones(30))
    problem = LinearProblem(*(torch.from_numpy(x) for x in (cost, a, b)))
    epsilon = 1e-3 * cost_spread(problem)
    output = sinkhorn(problem, epsilon, tolerance=1e-9, max_iterations=50000)
    assert output.converged
    excess = float((output.coupling * problem.cost).sum()) - ot.emd2(a, b, cost)
    # The entropies of two couplings differ by at most the smaller log of a side.
    assert -1e-8 <= excess <= epsilon * math.log(30)


@for_each("seed", range(3))
def test_a_small_epsilon_gives_the_assignment(seed: int) -> None:
    cost = np.random.default_rng(seed).random((25, 25))
    uniform = torch.full((25,), 1 / 25, dtype=torch.float64)
    problem = LinearProblem(torch.from_numpy(cost), uniform, uniform)
    output = sinkhorn(problem, 1e-3 * cost_spread(problem), max_iterations=20000)
    assert output.converged
    assert output.coupling.argmax(1).tolist() == linear_sum_assignment(cost)[1].tolist()


@few
@given(
    case=st.tuples(problems(decades=3), st.just("spread"))
    | st.tuples(problems(), st.just("absolute")),
    lam=st.sampled_from([0.3, 3.0, 30.0]),
    proximal=st.sampled_from(["kl", "linear", "frobenius", "none"]),
)
def test_every_step_gives_a_coupling(
    case: tuple[LinearProblem, EpsilonUnit], lam: float, proximal: str
) -> None:
    """From the independent coupling, where the linear pull is the same for all pairs.

    From one with a large density it is a step towards a permutation, and slow by chance;
    `test_proximal` has known problems of that kind. An epsilon in spreads is tiny where one row
    and one column hold all but a millionth of the mass; one in twenty such steps does not arrive.
    """
    problem, unit = case
    step = coupling_step(
        problem, problem.independent, epsilon=0.2, lam=lam, proximal=proximal, epsilon_unit=unit
    )
    assert step.report.converged
    torch.testing.assert_close(step.coupling.sum(1), problem.a, rtol=0, atol=3e-6)
    torch.testing.assert_close(step.coupling.sum(0), problem.b, rtol=0, atol=3e-6)
    assert 1 - 1e-9 <= step.effective_partners <= int((problem.b > 0).sum()) + 1e-9

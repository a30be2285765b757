import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from raytd.errors import InputError
from raytd.transport.solvers.feasibility import check_feasible
from raytd.transport.solvers.problem import LinearProblem
from raytd.transport.solvers.sinkhorn import sinkhorn


def block_problem(first_column_mass: float) -> LinearProblem:
    """Two blocks; the rows of the first hold half of the mass."""
    a = torch.full((4,), 0.25, dtype=torch.float64)
    b = torch.tensor([first_column_mass, 1 - first_column_mass], dtype=torch.float64)
    support = torch.tensor([[True, False]] * 2 + [[False, True]] * 2)
    return LinearProblem(torch.zeros(4, 2, dtype=torch.float64), a, b, support)


def test_a_support_without_a_coupling_is_refused_before_iterating() -> None:
    with pytest.raises(InputError, match=r"2 rows, the first is 0, hold mass 0.5 and .* 0.4;"):
        sinkhorn(block_problem(0.4), 1.0)


def test_the_tile_is_named() -> None:
    good, bad = block_problem(0.5), block_problem(0.6)
    stacked = [torch.stack([getattr(p, k) for p in (good, bad)]) for k in ("cost", "a", "b")]
    problem = LinearProblem(*stacked, torch.stack([good.support, bad.support]))
    with pytest.raises(InputError, match="2 rows of tile 1, the first is 2"):
        check_feasible(problem)


def test_a_feasible_support_is_kept_to() -> None:
    problem = block_problem(0.5)
    output = sinkhorn(problem, 1e-3)
    assert output.converged
    expected = torch.where(problem.support, 0.25, 0).double()
    torch.testing.assert_close(output.coupling, expected, rtol=0, atol=1e-12)


def test_costs_outside_the_support_are_never_read() -> None:
    problem = block_problem(0.5)
    hidden = LinearProblem(
        problem.cost.where(problem.support, torch.nan), problem.a, problem.b, problem.support
    )
    assert torch.equal(sinkhorn(hidden, 0.1).coupling, sinkhorn(problem, 0.1).coupling)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 6), m=st.integers(1, 6))
def test_a_linear_programme_agrees(seed: int, n: int, m: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    support = torch.rand(n, m, generator=generator) < 0.5
    a, b = (torch.randint(0, 4, (k,), generator=generator).double() for k in (n, m))
    a[0], b[0] = a[0] + 1, b[0] + 1
    problem = LinearProblem(torch.zeros(n, m).double(), a / a.sum(), b / b.sum(), support)
    rows, columns = np.kron(np.eye(n), np.ones((1, m))), np.kron(np.ones((1, n)), np.eye(m))
    programme = linprog(
        np.zeros(n * m),
        A_eq=np.concatenate([rows, columns]),
        b_eq=torch.cat([problem.a, problem.b]).numpy(),
        bounds=[(0, 1 if allowed else 0) for allowed in support.flatten().tolist()],
    )
    try:
        check_feasible(problem)
        feasible = True
    except InputError:
        feasible = False
    assert feasible == (programme.status == 0)

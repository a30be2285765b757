import math

import ot
import pytest
import torch

from raytd.errors import InputError
from raytd.transport.proximal import CouplingStep, coupling_step, first_coupling
from raytd.transport.solvers.problem import LinearProblem
from raytd.transport.spread import cost_spread
from tests.cases import for_each

SETTINGS = [(0.1, 1.0), (0.1, 10.0), (0.1, 100.0), (0.02, 20.0)]


def random_problem(n: int = 20, m: int = 15, seed: int = 0) -> LinearProblem:
    generator = torch.Generator().manual_seed(seed)
    cost = torch.rand(n, m, generator=generator, dtype=torch.float64)
    a, b = (torch.rand(k, generator=generator, dtype=torch.float64) + 0.1 for k in (n, m))
    return LinearProblem(cost, a / a.sum(), b / b.sum())


def other_coupling(problem: LinearProblem) -> torch.Tensor:
    return first_coupling(problem.with_cost(problem.cost.flip(0)), epsilon=0.2).coupling


def step_from(
    problem: LinearProblem, reference: torch.Tensor, epsilon: float, lam: float
) -> CouplingStep:
    return coupling_step(
        problem,
        reference,
        epsilon=epsilon,
        lam=lam,
        proximal="frobenius",
        epsilon_unit="absolute",
        tolerance=1e-10,
    )


@for_each(("epsilon", "lam"), SETTINGS)
def test_the_optimality_condition_holds(epsilon: float, lam: float) -> None:
    """The gradient of the objective is a row plus a column term, so its spread is 0."""
    problem = random_problem()
    reference = other_coupling(problem)
    step = step_from(problem, reference, epsilon, lam)
    density = (step.coupling - reference) / problem.independent
    gradient = problem.cost + epsilon * step.coupling.log() + density / lam
    assert cost_spread(problem.with_cost(gradient)) == pytest.approx(0, abs=1e-9)
    torch.testing.assert_close(step.coupling.sum(1), problem.a, rtol=0, atol=1e-9)
    torch.testing.assert_close(step.coupling.sum(0), problem.b, rtol=0, atol=1e-9)


@for_each(("epsilon", "lam"), SETTINGS)
def test_primal_is_the_objective_and_the_dual_meets_it(epsilon: float, lam: float) -> None:
    problem = random_problem()
    reference = other_coupling(problem)
    step = step_from(problem, reference, epsilon, lam)
    coupling, w = step.coupling, problem.independent
    pull = ((coupling - reference) ** 2 / w).sum() / (2 * lam)
    objective = (coupling * (problem.cost + epsilon * coupling.log())).sum() + pull
    assert step.report.primal == pytest.approx(float(objective), abs=1e-10)
    assert step.report.dual == pytest.approx(step.report.primal, abs=1e-9)


@for_each(("epsilon", "lam"), SETTINGS)
def test_pot_comes_near_and_not_below(epsilon: float, lam: float) -> None:
    """POT's conditional gradient leaves the entropy out of its line search and stops early."""
    problem = random_problem()
    reference, w = other_coupling(problem), problem.independent

    def pull(coupling: torch.Tensor) -> torch.Tensor:
        return ((coupling - reference) ** 2 / w).sum() / 2

    def objective(coupling: torch.Tensor) -> float:
        entropic = problem.cost + epsilon * coupling.log()
        return float((coupling * entropic).sum() + pull(coupling) / lam)

    theirs = ot.optim.gcg(
        problem.a,
        problem.b,
        problem.cost,
        epsilon,
        1 / lam,
        pull,
        lambda coupling: (coupling - reference) / w,
        G0=reference,
        numItermax=300,
        numInnerItermax=2000,
    )
    ours = step_from(problem, reference, epsilon, lam)
    assert objective(ours.coupling) <= objective(theirs) + 1e-9
    assert objective(ours.coupling) == pytest.approx(objective(theirs), abs=5e-3)


def test_a_strong_pull_gives_the_reference_and_a_weak_one_plain_transport() -> None:
    problem = random_problem()
    reference = other_coupling(problem)
    strong = step_from(problem, reference, 0.1, 1e-6).coupling
    torch.testing.assert_close(strong, reference, rtol=0, atol=1e-6)
    weak = step_from(problem, reference, 0.1, 1e9).coupling
    plain = first_coupling(problem, epsilon=0.1, epsilon_unit="absolute", tolerance=1e-12).coupling
    torch.testing.assert_close(weak, plain, rtol=0, atol=1e-8)


def test_tiles_with_padding_are_solved_like_dense_problems() -> None:
    problems = [random_problem(seed=seed) for seed in range(2)]
    cost = torch.full((2, 22, 17), torch.nan, dtype=torch.float64)
    reference = torch.zeros_like(cost)
    a, b = torch.zeros(2, 22, dtype=torch.float64), torch.zeros(2, 17, dtype=torch.float64)
    for t, problem in enumerate(problems):
        cost[t, :20, :15], a[t, :20], b[t, :15] = problem.cost, problem.a, problem.b
        reference[t, :20, :15] = other_coupling(problem)
    step = step_from(LinearProblem(cost, a, b), reference, 0.1, 10.0)
    for t, problem in enumerate(problems):
        alone = step_from(problem, reference[t, :20, :15], 0.1, 10.0).coupling
        torch.testing.assert_close(step.coupling[t, :20, :15], alone, rtol=0, atol=1e-10)
    assert step.coupling[:, 20:].count_nonzero() == step.coupling[:, :, 15:].count_nonzero() == 0


def test_too_few_steps_are_reported() -> None:
    problem = random_problem()
    step = coupling_step(
        problem,
        problem.independent,
        epsilon=0.01,
        lam=10.0,
        proximal="frobenius",
        max_iterations=1,
    )
    assert not step.report.converged
    assert "not converged" in str(step.warning)


@for_each(
    ("limits", "message"),
    [
        ({"tolerance": -1.0}, "tolerance is -1.0"),
        ({"tolerance": math.nan}, "tolerance is nan"),
        ({"max_iterations": 0}, "max_iterations is 0"),
    ],
)
def test_limits_that_would_never_be_reached_are_refused(
    limits: dict[str, float], message: str
) -> None:
    problem = random_problem()
    with pytest.raises(InputError, match=message):
        coupling_step(
            problem, problem.independent, epsilon=0.1, lam=1.0, proximal="frobenius", **limits
        )


def problem_of_unlike_masses(seed: int) -> LinearProblem:
    """Costs of any kind between at most 12 rows and columns, whose masses span six decades."""
    generator = torch.Generator().manual_seed(seed)
    n, m = (int(torch.randint(1, 13, (1,), generator=generator)) for _ in range(2))
    cost = torch.randn(n, m, generator=generator, dtype=torch.float64)
    marginals = []
    for size in (n, m):
        decades = torch.randint(0, 4, (size,), generator=generator)
        masses = torch.where(decades == 3, 0.0, 10.0 ** (-3.0 * decades.double()))
        masses[int(torch.randint(0, size, (1,), generator=generator))] = 1.0
        marginals.append(masses / masses.sum())
    return LinearProblem(cost, *marginals)


@for_each(
    ("seed", "lam"), [(949, 0.3), (1011, 0.3), (1072, 0.3), (1101, 0.3), (1141, 0.3), (1188, 3.0)]
)
def test_masses_over_six_decades_do_not_hold_newtons_method_up(seed: int, lam: float) -> None:
    """Newton's steps alone shrink to nothing on these, and 200 of them do not arrive."""
    problem = problem_of_unlike_masses(seed)
    step = coupling_step(
        problem,
        problem.independent,
        epsilon=0.2,
        lam=lam,
        proximal="frobenius",
        max_iterations=50,
    )
    assert step.report.converged
    torch.testing.assert_close(step.coupling.sum(1), problem.a, rtol=0, atol=2e-6)
    torch.testing.assert_close(step.coupling.sum(0), problem.b, rtol=0, atol=2e-6)
    # The gap closes with the marginal error of 1e-6, times potentials of a few units.
    assert step.report.primal == pytest.approx(step.report.dual, abs=1e-5)

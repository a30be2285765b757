import math

import ot
import pytest
import torch

from raytd.errors import InputError
from raytd.transport.proximal import (
    coupling_step,
    effective_partners,
    first_coupling,
)
from raytd.transport.solvers.problem import LinearProblem
from raytd.transport.spread import cost_spread
from tests.cases import for_each

PROXIMALS = ["kl", "linear", "frobenius", "none"]


def random_problem(n: int = 20, m: int = 15, seed: int = 0) -> LinearProblem:
    generator = torch.Generator().manual_seed(seed)
    cost = torch.rand(n, m, generator=generator, dtype=torch.float64)
    a, b = (torch.rand(k, generator=generator, dtype=torch.float64) + 0.1 for k in (n, m))
    return LinearProblem(cost, a / a.sum(), b / b.sum())


def test_spread_is_blind_to_row_and_column_costs() -> None:
    problem = random_problem()
    f, g = torch.linspace(0, 9, 20).double(), torch.linspace(-5, 3, 15).double()
    shifted = problem.with_cost(problem.cost + f[:, None] + g + 3.14)
    assert cost_spread(shifted) == pytest.approx(cost_spread(problem), rel=1e-12)
    scaled = problem.with_cost(2 * problem.cost)
    assert cost_spread(scaled) == pytest.approx(2 * cost_spread(problem), rel=1e-12)


def test_spread_does_not_read_the_costs_of_padding() -> None:
    problem = random_problem()
    cost = torch.full((23, 16), torch.nan, dtype=torch.float64)
    a, b = torch.zeros(23, dtype=torch.float64), torch.zeros(16, dtype=torch.float64)
    cost[:20, :15], a[:20], b[:15] = problem.cost, problem.a, problem.b
    padded = LinearProblem(cost, a, b)
    assert cost_spread(padded) == pytest.approx(cost_spread(problem), rel=1e-12)
    step = coupling_step(padded, padded.independent, epsilon=0.1, lam=5.0)
    plain = coupling_step(problem, problem.independent, epsilon=0.1, lam=5.0)
    torch.testing.assert_close(step.coupling[:20, :15], plain.coupling, rtol=0, atol=1e-6)


def test_spread_of_a_checkerboard_is_one() -> None:
    quarter = torch.full((4,), 0.25, dtype=torch.float64)
    signs = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    problem = LinearProblem(signs[:, None] * signs + 7, quarter, quarter)
    assert cost_spread(problem) == pytest.approx(1, rel=1e-12)


def test_partners_are_one_for_a_permutation_and_all_for_independence() -> None:
    assert effective_partners(torch.eye(5) / 5) == pytest.approx(1)
    assert effective_partners(torch.full((5, 8), 1 / 40)) == pytest.approx(8)
    assert effective_partners(torch.eye(4).repeat(3, 1, 1) / 12) == pytest.approx(1)


@for_each("proximal", PROXIMALS)
def test_the_step_is_blind_to_row_and_column_costs(proximal: str) -> None:
    problem = random_problem()
    f, g = torch.linspace(0, 9, 20).double(), torch.linspace(-5, 3, 15).double()
    couplings = [
        coupling_step(
            problem.with_cost(cost),
            problem.independent,
            epsilon=0.1,
            lam=20.0,
            proximal=proximal,
            tolerance=1e-12,
        ).coupling
        for cost in (problem.cost, 2 * problem.cost + f[:, None] + g + 3.14)
    ]
    torch.testing.assert_close(*couplings, rtol=0, atol=1e-10)


@for_each("lam", [0.5, 2.0, 50.0])
def test_kl_has_the_same_fixed_point_for_every_lam(lam: float) -> None:
    problem = random_problem()
    settings = {"epsilon": 0.2, "tolerance": 1e-13}
    goal = coupling_step(problem, problem.independent, lam=1.0, proximal="none", **settings)
    coupling = problem.independent
    for _ in range(
        math.ceil(40 * (1 + 1 / (0.2 * lam)))
    ):  # the distance shrinks by 1/(1 + eps lam)
        coupling = coupling_step(problem, coupling, lam=lam, **settings).coupling
    torch.testing.assert_close(coupling, goal.coupling, rtol=0, atol=1e-10)


def test_kl_minimises_its_objective() -> None:
    """The optimality condition: cost + epsilon log Γ + log(Γ/R)/lam is a row plus a column term."""
    problem = random_problem()
    reference = coupling_step(
        problem.with_cost(problem.cost.flip(0)), problem.independent, epsilon=0.3, lam=1.0
    ).coupling
    step = coupling_step(
        problem, reference, epsilon=0.1, lam=3.0, epsilon_unit="absolute", tolerance=1e-13
    )
    log = step.coupling.log()
    gradient = problem.cost + 0.1 * log + (log - reference.log()) / 3
    assert cost_spread(problem.with_cost(gradient)) == pytest.approx(0, abs=1e-10)
    direct = (step.coupling * (problem.cost + 0.1 * log + (log - reference.log()) / 3)).sum()
    assert step.report.primal == pytest.approx(float(direct), abs=1e-10)


def test_linear_minimises_its_objective() -> None:
    problem = random_problem()
    reference = first_coupling(problem.with_cost(problem.cost.flip(0)), epsilon=0.5).coupling
    step = coupling_step(
        problem,
        reference,
        epsilon=0.1,
        lam=200.0,
        proximal="linear",
        epsilon_unit="absolute",
        tolerance=1e-13,
    )
    theirs = ot.sinkhorn(
        problem.a,
        problem.b,
        problem.cost - reference / problem.independent / 200,
        0.1,
        "sinkhorn_log",
        stopThr=1e-13,
        numItermax=10000,
    )
    torch.testing.assert_close(step.coupling, theirs, rtol=0, atol=1e-10)
    assert step.warning is None


@for_each("proximal", PROXIMALS)
def test_a_step_on_tiles_is_relative_to_the_mass_of_the_tile(proximal: str) -> None:
    """Two copies of one problem, dealt as two tiles of half the mass, behave like the one."""
    problem = random_problem()
    tiles = LinearProblem(
        problem.cost.repeat(2, 1, 1), problem.a.repeat(2, 1) / 2, problem.b.repeat(2, 1) / 2
    )
    settings = {"epsilon": 0.1, "lam": 50.0, "proximal": proximal, "tolerance": 1e-12}
    one = coupling_step(problem, problem.independent, **settings)
    two = coupling_step(tiles, tiles.independent, **settings)
    torch.testing.assert_close(two.coupling.sum(0), one.coupling, rtol=0, atol=1e-10)
    assert two.spread == pytest.approx(one.spread)


def test_linear_warns_before_it_collapses_to_a_permutation() -> None:
    problem = random_problem(25, 25)
    half = torch.full((25,), 1 / 25, dtype=torch.float64)
    problem = LinearProblem(problem.cost, half, half)
    partners = {}
    for lam in (1.0, 400.0):
        step = first_coupling(problem, epsilon=0.5)
        for _ in range(6):
            step = coupling_step(problem, step.coupling, epsilon=0.5, lam=lam, proximal="linear")
            assert (step.warning is not None) == (lam == 1.0)
        partners[lam] = step.effective_partners
    assert partners[1.0] == pytest.approx(1, abs=0.01)
    assert partners[400.0] > 5


@for_each(("lam", "partners"), [(1, 1.0), (20, 1.0), (100, 1.7), (400, 4.35)])
def test_linear_leaves_the_partners_that_are_on_record(lam: float, partners: float) -> None:
    """25 by 25 at an epsilon of .05, after four steps from 5.5 partners; it warned where it fell.

    The costs of the record are not known; uniform ones from 0 to 3/4 start from as many partners.
    """
    uniform = torch.full((25,), 1 / 25, dtype=torch.float64)
    cost = 0.75 * random_problem(25, 25).cost
    problem = LinearProblem(cost, uniform, uniform)
    step = first_coupling(problem, epsilon=0.05, epsilon_unit="absolute")
    assert step.effective_partners == pytest.approx(5.5, abs=0.3)
    warnings = []
    for _ in range(4):
        step = coupling_step(
            problem,
            step.coupling,
            epsilon=0.05,
            lam=lam,
            proximal="linear",
            epsilon_unit="absolute",
        )
        warnings.append(step.warning is not None and "towards a permutation" in step.warning)
    # From one uniform cost to another, partners differ by about a tenth.
    assert step.effective_partners == pytest.approx(partners, rel=0.15)
    assert warnings == [lam < 400] * 4


@for_each("proximal", PROXIMALS)
def test_costs_that_are_alike_leave_the_independent_coupling_and_say_so(proximal: str) -> None:
    problem = random_problem()
    alike = problem.with_cost(problem.a[:, None] + problem.b + 3)
    step = coupling_step(alike, problem.independent, epsilon=0.05, lam=30.0, proximal=proximal)
    torch.testing.assert_close(step.coupling, problem.independent)
    assert "alike" in str(step.warning)


def test_a_step_that_did_not_converge_says_so() -> None:
    problem = random_problem()
    step = coupling_step(
        problem, problem.independent, epsilon=0.001, lam=1e3, proximal="none", max_iterations=2
    )
    assert not step.report.converged
    assert "not converged" in str(step.warning)


def test_an_underflowed_reference_does_not_shut_a_pair_out() -> None:
    problem = random_problem(3, 3)
    third = torch.full((3,), 1 / 3, dtype=torch.float64)
    problem = LinearProblem(1 - torch.eye(3, dtype=torch.float64), third, third)
    coupling = torch.eye(3, dtype=torch.float64).roll(1, 0) / 3
    for _ in range(150):  # log 1e-308 shrinks by 1/(1 + eps lam) to 1e-9
        coupling = coupling_step(problem, coupling, epsilon=0.2, lam=1.0).coupling
    goal = first_coupling(problem, epsilon=0.2).coupling
    torch.testing.assert_close(coupling, goal, rtol=0, atol=1e-6)


def test_first_coupling_is_plain_transport() -> None:
    problem = random_problem()
    step = first_coupling(problem, epsilon=0.1, tolerance=1e-12)
    theirs = ot.sinkhorn(
        problem.a,
        problem.b,
        problem.cost,
        0.1 * step.spread,
        "sinkhorn_log",
        stopThr=1e-13,
        numItermax=20000,
    )
    torch.testing.assert_close(step.coupling, theirs, rtol=0, atol=1e-9)


@for_each(
    ("changes", "message"),
    [
        ({"epsilon": 0.0}, "epsilon is 0.0"),
        ({"lam": -1.0}, "lam is -1.0"),
        ({"proximal": "l2"}, "proximal is 'l2'"),
        ({"epsilon_unit": "mean"}, "epsilon_unit is 'mean'"),
        ({"reference": torch.ones(20, 15)}, "reference is torch.float32"),
        ({"reference": torch.ones(2, 2)}, r"reference has shape \(2, 2\)"),
        ({"reference": torch.ones(20, 15).double().to("meta")}, "reference is .* on meta and cost"),
        ({"reference": torch.zeros(20, 15).double()}, "reference is 0 everywhere"),
        ({"reference": torch.full((20, 15), torch.nan).double()}, r"reference\[0, 0\] is nan"),
        ({"reference": torch.full((20, 15), -1.0).double()}, r"reference\[0, 0\] is -1"),
    ],
)
def test_bad_settings_are_named(changes: dict[str, object], message: str) -> None:
    problem = random_problem()
    settings = {"reference": problem.independent, "epsilon": 0.1, "lam": 1.0} | changes
    with pytest.raises(InputError, match=message):
        coupling_step(problem, **settings)


@for_each(
    ("coupling", "message"),
    [
        (torch.tensor([[0.5, torch.nan]]), r"coupling\[0, 1\] is nan"),
        (torch.tensor([[1.5, -0.5]]), r"coupling\[0, 1\] is -0.5"),
        (torch.zeros(2, 2), "coupling is 0 everywhere"),
    ],
)
def test_only_couplings_have_partners(coupling: torch.Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        effective_partners(coupling)

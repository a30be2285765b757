import pytest
import torch

from raytd.errors import InputError
from raytd.transport.solvers.problem import LinearProblem, independent_coupling
from tests.cases import for_each


def uniform(n: int) -> torch.Tensor:
    return torch.full((n,), 1 / n, dtype=torch.float64)


def change(tensor: torch.Tensor, index: tuple[int, ...], value: float) -> torch.Tensor:
    changed = tensor.clone()
    changed[index] = value
    return changed


COST = torch.arange(6, dtype=torch.float64).reshape(2, 3)


@for_each(
    ("cost", "a", "b", "message"),
    [
        (change(COST, (1, 2), torch.nan), uniform(2), uniform(3), r"cost\[1, 2\] is nan"),
        (change(COST, (0, 1), torch.inf), uniform(2), uniform(3), r"cost\[0, 1\] is inf"),
        (COST, change(uniform(2), (1,), -0.5), uniform(3), r"a\[1\] is -0.5"),
        (COST, uniform(2), change(uniform(3), (0,), torch.nan), r"b\[0\] is nan"),
        (COST, uniform(2), 2 * uniform(3), r"a sums to 1 and b to 2"),
        (COST, 0 * uniform(2), 0 * uniform(3), r"mass is 0"),
        (COST, uniform(3), uniform(3), r"a has shape \(3,\).* needs \(2,\)"),
        (COST, uniform(2), uniform(2), r"b has shape \(2,\).* needs \(3,\)"),
        (COST[0], uniform(2), uniform(3), r"cost has shape \(3,\)"),
        (COST[:0], uniform(2)[:0], uniform(3), r"must not be empty"),
        (COST.float(), uniform(2), uniform(3), r"a is torch.float64"),
        (COST, uniform(2), uniform(3).to("meta"), r"b is torch.float64 on meta and cost is"),
        (COST.long(), uniform(2).long(), uniform(3).long(), r"floating-point"),
    ],
)
def test_bad_input_is_named_with_its_place_and_value(
    cost: torch.Tensor, a: torch.Tensor, b: torch.Tensor, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        LinearProblem(cost, a, b)


def test_a_tile_with_another_mass_is_named() -> None:
    a, b = uniform(2).repeat(3, 1), uniform(3).repeat(3, 1)
    a[2] *= 2
    with pytest.raises(InputError, match=r"a\[2\] sums to 2 and b\[2\] to 1"):
        LinearProblem(COST.repeat(3, 1, 1), a, b)


def test_costs_of_padding_are_never_read() -> None:
    a = torch.tensor([1.0, 0.0], dtype=torch.float64)
    problem = LinearProblem(change(COST, (1, 0), torch.nan), a, uniform(3))
    assert not problem.allowed[1].any()
    torch.testing.assert_close(problem.independent[0], uniform(3))


def test_masses_may_differ_by_the_rounding_of_their_sums() -> None:
    a = torch.full((4000,), 1 / 4000, dtype=torch.float32)
    b = torch.full((3001,), 1 / 3001, dtype=torch.float32)
    assert LinearProblem(torch.zeros(4000, 3001), a, b).mass == pytest.approx(1, abs=1e-5)


@for_each(
    ("a", "b", "message"),
    [
        (0 * uniform(2), 0 * uniform(3), "mass is 0; each problem needs mass"),
        (uniform(2), 2 * uniform(3), "a sums to 1 and b to 2"),
        (change(uniform(2), (1,), torch.nan), uniform(3), "mass is nan"),
        (uniform(2), change(uniform(3), (1,), torch.nan), "a sums to 1 and b to nan"),
    ],
)
def test_marginals_without_a_coupling_have_no_independent_one(
    a: torch.Tensor, b: torch.Tensor, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        independent_coupling(a, b)


def test_an_error_about_a_large_problem_is_one_short_line() -> None:
    cost = torch.zeros(500, 400, dtype=torch.float64)
    cost[123:, 7] = torch.nan
    with pytest.raises(InputError, match=r"^cost\[123, 7\] is nan; costs must be finite") as error:
        LinearProblem(cost, uniform(500), uniform(400))
    assert len(str(error.value)) < 80
    assert "\n" not in str(error.value)

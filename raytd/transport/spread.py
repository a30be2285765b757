"""The spread of a cost, and the unit of epsilon and 1/lam: that spread, or the cost's own unit."""

import math
from typing import get_args

from jaxtyping import Float
from torch import Tensor

from raytd.errors import InputError
from raytd.transport.settings import EpsilonUnit
from raytd.transport.solvers.problem import LinearProblem


def unit_of(epsilon_unit: EpsilonUnit, spread: float, *, alike: bool) -> float:
    """What 1 of epsilon and of 1/lam is, in units of the cost.

    Args:
        epsilon_unit: `spread` counts in spreads of the cost, `absolute` in units of the cost.
        spread: of the cost.
        alike: whether the spread is nothing but rounding; any unit then gives the same coupling,
            so it is 1.

    Raises:
        InputError: if there is no such unit.
    """
    if epsilon_unit not in get_args(EpsilonUnit):
        options = ", ".join(get_args(EpsilonUnit))
        raise InputError(f"epsilon_unit is {epsilon_unit!r}; choose from {options}")
    return 1.0 if alike or epsilon_unit == "absolute" else spread


def cost_spread(problem: LinearProblem) -> float:
    """Root mean square of the cost after double centring, the unit of epsilon and of 1/lam.

    Row means and column means are removed in each tile, by mass, because no coupling sees what
    depends on the row or on the column alone. The mean is over allowed pairs at the independent
    coupling, and over tiles by mass.
    """
    p = problem.a / problem.a.sum(-1, keepdim=True)
    q = problem.b / problem.b.sum(-1, keepdim=True)
    weights = (p.unsqueeze(-1) * q.unsqueeze(-2)).where(problem.allowed, 0)
    cost = problem.cost.where(problem.allowed, 0)
    cost = cost - _mean(cost, weights, -1)
    cost = cost - _mean(cost, weights, -2)
    squares = (weights * cost**2).sum((-2, -1)) / weights.sum((-2, -1))
    return math.sqrt(float((squares * problem.mass).sum() / problem.mass.sum()))


def _mean(cost: Tensor, weights: Float[Tensor, "*tiles n m"], dim: int) -> Tensor:
    """Weighted mean along a dimension, which stays; 0 where there is no weight."""
    sums = weights.sum(dim, keepdim=True)
    return (cost * weights).sum(dim, keepdim=True) / sums.where(sums > 0, 1)

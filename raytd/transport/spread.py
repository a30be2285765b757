"""The spread of a cost: its unit as far as couplings are concerned."""

import math

from jaxtyping import Float
from torch import Tensor

from raytd.transport.problem import LinearProblem

CENTRINGS = 200  # alternations where the support has holes; without holes one is exact


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
    for _ in range(1 if problem.support is None else CENTRINGS):
        cost = cost - _mean(cost, weights, -1)
        cost = cost - _mean(cost, weights, -2)
    squares = (weights * cost**2).sum((-2, -1)) / weights.sum((-2, -1))
    return math.sqrt(float((squares * problem.mass).sum() / problem.mass.sum()))


def _mean(cost: Tensor, weights: Float[Tensor, "*tiles n m"], dim: int) -> Tensor:
    """Weighted mean along a dimension, which stays; 0 where there is no weight."""
    sums = weights.sum(dim, keepdim=True)
    return (cost * weights).sum(dim, keepdim=True) / sums.where(sums > 0, 1)

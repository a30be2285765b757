"""Newton's method for duals of transport, and what it ends where scaling hardly moves.

Where groups of rows and columns have almost the same mass, the little that must cross from one to
another moves their potentials far apart, and scaling takes steps there as small as what crosses.
Newton's method on the semi-dual Σ q g + Σ p f(g), with f(g) such that the rows are exact, sees how
flat the function is and takes the steps that it needs.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from raytd.transport.solvers.problem import LinearProblem

HALVINGS = 60  # of a step before the line search gives up
PROMISE_KEPT = 1e-4  # share of the promised ascent that a step must give
ROUNDING = 1e-13  # of a dual function, relative; also of the Newton system


def climb(
    problem: LinearProblem,
    g: Float[Tensor, " m"],
    epsilon: float,
    *,
    tolerance: float,
    max_steps: int,
) -> tuple[Float[Tensor, " m"], int]:
    """Potentials of the columns nearer to the solution of an entropic problem, and the steps taken.

    Works in float64 on the CPU, and stops where rounding hides any further ascent.

    Args:
        problem: dense, not a batch of tiles.
        g: potentials to start from, in units of cost.
        epsilon: regularisation, in units of cost.
        tolerance: marginal error, as a share of the mass, at which it stops.
        max_steps: most steps.
    """
    allowed = problem.allowed.cpu()
    cost = problem.cost.double().cpu().masked_fill(~allowed, torch.inf)
    a, b = problem.a.double().cpu(), problem.b.double().cpu()
    p, q = a / a.sum(), b / b.sum()
    farthest = float(cost[allowed].amax() - cost[allowed].amin())
    new = g.double().cpu()
    coupling, value = _semi_dual(cost, p, q, new, epsilon)
    for steps in range(max_steps):
        missing = q - coupling.sum(0)
        if float(missing.abs().sum()) / 2 <= tolerance:
            return new.to(g), steps
        direction = newton_direction(coupling / epsilon, torch.zeros_like(p), missing)[1]
        direction -= (q * direction).sum()
        largest = float(direction.abs().amax())
        if largest == 0:  # what is missing is rounding
            return new.to(g), steps
        step = min(1.0, farthest / largest)
        promise = float((missing * direction).sum())
        least = value - ROUNDING * (1 + abs(value))
        for _ in range(HALVINGS):
            tried = new + step * direction
            coupling, value = _semi_dual(cost, p, q, tried, epsilon)
            if value >= least + PROMISE_KEPT * step * promise:
                break
            step /= 2
        else:
            return new.to(g), steps
        new = tried
    return new.to(g), max_steps


def newton_direction(
    hessian: Float[Tensor, "*tiles n m"],
    rows: Float[Tensor, "*tiles n"],
    columns: Float[Tensor, "*tiles m"],
) -> tuple[Float[Tensor, "*tiles n"], Float[Tensor, "*tiles m"]]:
    """Solve [[diag(H 1), H], [Hᵀ, diag(Hᵀ 1)]] (x, y) = (rows, columns) by eliminating x.

    The system does not see a constant moved from x to y; a rank-one term fixes it. Rows and columns
    without mass get 0.
    """
    row_sums, column_sums = hessian.sum(-1), hessian.sum(-2)
    row_sums = row_sums.where(row_sums > 0, 1)
    diagonal = column_sums.where(column_sums > 0, 1) * (1 + ROUNDING)
    scaled = hessian / row_sums.unsqueeze(-1)
    gauge = column_sums / column_sums.sum(-1, keepdim=True)
    schur = torch.diag_embed(diagonal) - hessian.mT @ scaled
    schur = schur + column_sums.unsqueeze(-1) * gauge.unsqueeze(-2)
    rhs = columns - (scaled.mT @ rows.unsqueeze(-1)).squeeze(-1)
    y = torch.linalg.solve_ex(schur, rhs)[0]
    return rows / row_sums - (scaled @ y.unsqueeze(-1)).squeeze(-1), y


def _semi_dual(
    cost: Tensor, p: Tensor, q: Tensor, g: Tensor, epsilon: float
) -> tuple[Tensor, float]:
    """The coupling with exact rows at g, as a share of the mass, and the value of the semi-dual."""
    exponents = q.log() + (g - cost) / epsilon
    sums = exponents.logsumexp(-1).where(p > 0, 0)
    coupling = (p.log().unsqueeze(-1) + exponents - sums.unsqueeze(-1)).exp()
    return coupling, float((q * g).sum() - epsilon * (p * sums).sum())

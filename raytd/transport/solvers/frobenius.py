"""Entropic transport with a quadratic pull towards a reference, by Newton's method on the dual.

In each tile let p and q be the marginals divided by the mass, w = p qᵀ, and r = Γ / (mass · w) the
density of a coupling. The problem is to minimise, over couplings,

    Σ w (r C + epsilon r log r + pull (r − R)² / 2).

At its solution epsilon log r + pull r = s with s = f + g − C + pull R, which makes r a Wright omega
function of s. The dual function Σ p f + Σ q g − Σ w (epsilon r + pull r² / 2) is smooth and
concave, and its Hessian is built like a coupling, so that a Newton step is one linear solve as wide
as the columns. Where rows of very unlike mass allow Newton's method but tiny steps, every row, and
then every column, is brought to its own mass instead, which no mass of another one hinders.

The conditional gradient of POT (`ot.optim.gcg`) is meant for such problems, but version 0.9.7
leaves the entropy out of its line search and stops short of the solution.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from raytd.transport.solvers.newton import PROMISE_KEPT, ROUNDING, newton_direction
from raytd.transport.solvers.problem import LinearProblem
from raytd.transport.solvers.report import SolverReport
from raytd.transport.solvers.scaling import check_limits

HALVINGS = 40  # of a Newton step before the line search gives up
STUCK = 1 / 8  # step at which a tile is balanced row by row and column by column instead
BISECTIONS = 60  # of a bracket in that


def frobenius_coupling(  # noqa: PLR0913
    problem: LinearProblem,
    density: Float[Tensor, "*tiles n m"],
    *,
    epsilon: float,
    pull: float,
    tolerance: float,
    max_iterations: int,
) -> tuple[Float[Tensor, "*tiles n m"], SolverReport]:
    """The minimiser of ⟨Γ, C⟩ − epsilon H(Γ) + pull/2 Σ (a bᵀ / mass) (r − density)².

    Works in float64 on the CPU whatever the type and place of the problem.

    Args:
        problem: costs and marginals.
        density: the density R that pulls.
        epsilon: entropic regularisation, in units of cost.
        pull: strength of the pull, in units of cost.
        tolerance: marginal error, as a share of the mass.
        max_iterations: most Newton steps.
    """
    check_limits(tolerance, max_iterations)
    dual = _Dual(problem, density.double().cpu(), epsilon=epsilon, pull=pull)
    f, g = dual.start()
    r = dual.density(f, g)
    finished = dual.marginal_error(r) <= tolerance
    iterations = 0
    while iterations < max_iterations and not finished.all():
        f, g = dual.ascend(f, g, r, frozen=finished)
        r = dual.density(f, g)
        finished = dual.marginal_error(r) <= tolerance
        iterations += 1
    report = SolverReport(
        converged=bool(finished.all()),
        marginal_error=float(dual.marginal_error(r).max()),
        iterations=iterations,
        primal=dual.primal(r),
        dual=float((dual.mass * (dual.value(f, g, r) + dual.constant)).sum()),
    )
    coupling = dual.mass[..., None, None] * dual.w * r
    return coupling.to(problem.cost), report


class _Dual:
    """The dual function of every tile, its maximiser's density, and its Newton step."""

    def __init__(
        self, problem: LinearProblem, reference: Tensor, *, epsilon: float, pull: float
    ) -> None:
        a, b = problem.a.double().cpu(), problem.b.double().cpu()
        self.mass = a.sum(-1)
        self.p, self.q = a / a.sum(-1, keepdim=True), b / b.sum(-1, keepdim=True)
        self.w = (self.p.unsqueeze(-1) * self.q.unsqueeze(-2)).where(problem.allowed.cpu(), 0)
        self.cost = problem.cost.double().cpu().where(self.w > 0, 0)
        self.reference, self.epsilon, self.pull = reference, epsilon, pull
        self._offset = pull * reference - self.cost
        entropy = sum(torch.xlogy(x, x).sum(-1) for x in (self.p, self.q)) + self.mass.log()
        squares = (self.w * reference**2).sum((-2, -1))
        self.constant = epsilon * (1 + entropy) + pull / 2 * squares

    def start(self) -> tuple[Tensor, Tensor]:
        """Potentials at which every row and every column has an entry with s = 0, none above."""
        reduced = (self.cost - self.pull * self.reference).where(self.w > 0, torch.inf)
        f = reduced.amin(-1)
        f = f.where(self.p > 0, 0)
        g = (reduced - f.unsqueeze(-1)).amin(-2)
        return f, g.where(self.q > 0, 0)

    def density(self, f: Tensor, g: Tensor) -> Tensor:
        """The r with epsilon log r + pull r = f + g − C + pull R."""
        s = f.unsqueeze(-1) + g.unsqueeze(-2) - self.cost + self.pull * self.reference
        return self._omega(s)

    def _omega(self, s: Tensor) -> Tensor:
        """The r with epsilon log r + pull r = s."""
        from scipy.special import wrightomega

        scale = self.epsilon / self.pull
        return scale * torch.from_numpy(wrightomega((s / self.epsilon - math.log(scale)).numpy()))

    def marginal_error(self, r: Tensor) -> Tensor:
        """Total variation of rows and columns."""
        coupling = self.w * r
        rows = (coupling.sum(-1) - self.p).abs().sum(-1)
        columns = (coupling.sum(-2) - self.q).abs().sum(-1)
        return (rows + columns) / 2

    def value(self, f: Tensor, g: Tensor, r: Tensor) -> Tensor:
        """The dual function, up to a constant."""
        conjugate = self.w * (self.epsilon * r + self.pull / 2 * r**2)
        return (self.p * f).sum(-1) + (self.q * g).sum(-1) - conjugate.sum((-2, -1))

    def primal(self, r: Tensor) -> float:
        """Value of the coupling, over all tiles."""
        coupling = self.mass[..., None, None] * self.w * r
        pull = self.pull / 2 * self.w * (r - self.reference) ** 2
        entropy = self.epsilon * torch.xlogy(coupling, coupling)
        return float(
            (coupling * self.cost + entropy).sum() + (self.mass * pull.sum((-2, -1))).sum()
        )

    def ascend(self, f: Tensor, g: Tensor, r: Tensor, *, frozen: Tensor) -> tuple[Tensor, Tensor]:
        """A Newton step, halved in each tile until it keeps its promise; or else balancing."""
        coupling = self.w * r
        rows, columns = self.p - coupling.sum(-1), self.q - coupling.sum(-2)
        df, dg = newton_direction(coupling / (self.epsilon + self.pull * r), rows, columns)
        promise = (rows * df).sum(-1) + (columns * dg).sum(-1)
        before = self.value(f, g, r)
        least = before - ROUNDING * (1 + before.abs())
        step = torch.ones_like(promise).where(~frozen, 0)
        for _ in range(HALVINGS):
            new_f, new_g = f + step.unsqueeze(-1) * df, g + step.unsqueeze(-1) * dg
            after = self.value(new_f, new_g, self.density(new_f, new_g))
            short = ~(after >= least + PROMISE_KEPT * step * promise)
            if not short.any():
                break
            step = torch.where(short, step / 2, step)
        stuck = (step <= STUCK) & ~frozen
        return self.balance(new_f, new_g, only=stuck) if stuck.any() else (new_f, new_g)

    def balance(self, f: Tensor, g: Tensor, *, only: Tensor) -> tuple[Tensor, Tensor]:
        """The best f for g, then the best g for that f, in some tiles: neither lowers the dual."""
        best_f = self._level(g.unsqueeze(-2) + self._offset, self.w, self.p)
        f = torch.where(only.unsqueeze(-1), best_f, f)
        best_g = self._level((f.unsqueeze(-1) + self._offset).mT, self.w.mT, self.q)
        return f, torch.where(only.unsqueeze(-1), best_g, g)

    def _level(self, offset: Tensor, w: Tensor, wanted: Tensor) -> Tensor:
        """The x with Σ_j w_ij r(x_i + offset_ij) = wanted_i, by bisection; 0 without mass.

        It lies between where no r is above 1, and where all are so large that they would do alone.
        """
        used = w > 0
        enough = wanted / w.sum(-1).where(wanted > 0, 1)
        top = self.epsilon * enough.clamp(min=1).log() + self.pull * enough.clamp(min=1)
        low = (self.pull - offset).where(used, torch.inf).amin(-1).where(wanted > 0, 0)
        high = (top.unsqueeze(-1) - offset).where(used, -torch.inf).amax(-1).where(wanted > 0, 0)
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            reached = (w * self._omega(middle.unsqueeze(-1) + offset)).sum(-1)
            low = torch.where(reached < wanted, middle, low)
            high = torch.where(reached < wanted, high, middle)
        return (low + high) / 2

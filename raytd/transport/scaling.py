"""Matrix scaling that neither overflows nor vanishes, accelerated by its own rate of convergence.

In each tile let p and q be the marginals divided by the mass. The coupling is held as

    mass · p_i u_i K_ij v_j q_j,    K_ij = exp((f_i + g_j − C_ij) / epsilon),

with f such that the rows of K have weighted sum 1. Only the vectors u and v change from iteration
to iteration. When v outgrows its bounds it is absorbed into g and K is computed again, so that no
number leaves its range however small epsilon is.

The plain iteration takes log v to log v − log s, where q v s are the column sums. Around the
solution this is a symmetric linear map that contracts by a factor θ, so momentum helps: with
ω = 2 / (1 + √(1 − θ)), a step of ω² times the plain one plus (ω − 1)² times the last change
contracts by ω − 1, as in successive over-relaxation (Thibault et al. 2021, Lehmann et al. 2022).
θ is read off the observed contraction.

No operation mixes tiles, and none is used whose rounding depends on where a number lies in memory
(as that of `pow` does), so a tile has the same bits in every batch.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from raytd.transport.problem import LinearProblem

LOOK_EVERY = 5  # iterations between two looks at the marginal error
LARGEST_SCALING = 1e4  # of a column, before it is absorbed
LARGEST_STEP = 10.0  # of log v in one iteration
FIRST_EPSILON = 1 / 32  # at the first stage, in ranges of the cost
NEXT_EPSILON = 1 / 4  # of a stage, in that of the stage before
STAGE_TOLERANCE = 0.001  # marginal error at which the next stage begins
SLOWEST_RATE = 1 - 1e-6  # largest contraction per iteration that momentum reckons with


class Scaling:
    """The state of the iteration, in every tile.

    Attributes:
        error: marginal error at the last look, one per tile.
        finished: whether a tile has reached the tolerance; it does not change any more.
        iterations: iterations made.
    """

    def __init__(
        self,
        problem: LinearProblem,
        epsilon: float,
        *,
        init: tuple[Tensor, Tensor] | None,
        staged: bool,
    ) -> None:
        self.problem = problem
        self.p = problem.a / problem.a.sum(-1, keepdim=True)
        self.q = problem.b / problem.b.sum(-1, keepdim=True)
        allowed = problem.allowed
        self.cost = problem.cost
        if not bool(allowed.all()):
            self.cost = self.cost.masked_fill(~allowed, torch.inf)
        self.epsilon = epsilon
        self.stage = torch.full_like(self.p[..., :1], epsilon)
        self.g = torch.zeros_like(self.q)
        if staged:  # the first kernel has no number below exp(−1 / FIRST_EPSILON)
            self.stage = (_range(self.cost) * FIRST_EPSILON).clamp(min=epsilon)
        else:
            f = torch.zeros_like(self.p) if init is None else init[0]
            self.g = _kernel(_transposed(self.cost), f, self.p, self.stage)[1]
        self.log_v, self.change = torch.zeros_like(self.q), torch.zeros_like(self.q)
        self.omega = torch.ones_like(self.stage)
        self.error = torch.full_like(self.stage, torch.inf)
        self.finished = torch.zeros_like(self.stage, dtype=torch.bool)
        self.iterations = 0
        self._set_momentum()
        self._anchor()

    def run(self, *, tolerance: float, max_iterations: int) -> None:
        """Iterate until every tile is finished or `max_iterations` are used up."""
        while self.iterations < max_iterations and not self.finished.all():
            n_iterations = min(LOOK_EVERY, max_iterations - self.iterations)
            for _ in range(n_iterations):
                self._iterate()
            self.iterations += n_iterations
            self._look(tolerance, n_iterations)
        self._leave_stages()

    def coupling(self) -> Float[Tensor, "*tiles n m"]:
        """The coupling of the present state; its rows are exact up to rounding."""
        rows, columns = self.problem.a * self.u, self.q * self.log_v.exp()
        return self.kernel * rows.unsqueeze(-1) * columns.unsqueeze(-2)

    def potentials(self) -> tuple[Float[Tensor, "*tiles n"], Float[Tensor, "*tiles m"]]:
        """The potentials of the present state; 0 where there is no mass."""
        f = self.f + self.stage * self.u.log()
        g = self.g + self.stage * self.log_v
        return f.where(self.p > 0, 0), g.where(self.q > 0, 0)

    def values(self) -> tuple[float, float]:
        """Primal and dual value of the present state, summed over tiles."""
        f, g = self.potentials()
        a, q = self.problem.a, self.q
        b = q * a.sum(-1, keepdim=True)
        columns = b * self.log_v.exp() * self.sums
        rows = (a * f + self.stage * torch.xlogy(a, a)).sum()
        log_q = torch.where(q > 0, q, 1).log()
        primal, dual = (rows + (mass * (g + self.stage * log_q)).sum() for mass in (columns, b))
        return float(primal), float(dual)

    def _iterate(self) -> None:
        """Move the columns by a step with momentum, then make the rows exact."""
        plain = self.log_v + self.sums.log()
        step = (self.momentum * self.change - self.gain * plain).clamp(-LARGEST_STEP, LARGEST_STEP)
        self.log_v, self.change = self.log_v + step, step
        self._scale_rows()

    def _scale_rows(self) -> None:
        row_sums = _weighted_sums(self.kernel, self.q * self.log_v.exp())
        self.u = 1 / row_sums.where(self.p > 0, 1)
        sums = _weighted_sums(self.kernel_t, self.p * self.u)
        self.sums = sums.where(self.q > 0, 1).clamp(min=torch.finfo(sums.dtype).tiny)

    def _look(self, tolerance: float, n_iterations: int) -> None:
        """Measure the error, adapt the momentum, and end stages that have done their work."""
        before, self.error = self.error, self._marginal_error()
        last_stage = self.stage <= self.epsilon
        self.finished = last_stage & (self.error <= tolerance)
        next_stage = ~last_stage & (self.error <= STAGE_TOLERANCE)
        rate = ((self.error / before).log() / n_iterations).exp()
        self.omega = torch.where(next_stage, 1, _relaxation(self.omega, rate))
        self.change = self.change.where(~next_stage, 0)
        self.error = self.error.where(~next_stage, torch.inf)
        self._set_momentum()
        largest = self.log_v.abs().amax(-1, keepdim=True)
        absorb = (next_stage | (largest > math.log(LARGEST_SCALING))) & ~self.finished
        if absorb.any():
            smaller = (self.stage * NEXT_EPSILON).clamp(min=self.epsilon)
            self._absorb(absorb, torch.where(next_stage, smaller, self.stage))

    def _leave_stages(self) -> None:
        """Bring tiles that ran out of iterations in an early stage to the final epsilon."""
        early = self.stage > self.epsilon
        if early.any():
            self._absorb(early, torch.where(early, self.epsilon, self.stage))
            self.error = torch.where(early, self._marginal_error(), self.error)

    def _absorb(self, absorb: Tensor, stage: Tensor) -> None:
        """Move the columns' scaling of the tiles in `absorb` into g, and go on at `stage`."""
        self.g = torch.where(absorb, self.g + self.stage * self.log_v, self.g)
        self.log_v = self.log_v.where(~absorb, 0)
        self.stage = stage
        self._anchor()

    def _anchor(self) -> None:
        """Compute the kernel at the present g; unchanged, to the bit, where g and stage are."""
        self.kernel, self.f = _kernel(self.cost, self.g, self.q, self.stage)
        self.kernel_t = _transposed(self.kernel)
        self._scale_rows()

    def _set_momentum(self) -> None:
        """A finished tile makes steps of 0, which leaves its bits alone."""
        self.gain = (self.omega**2).where(~self.finished, 0)
        self.momentum = ((self.omega - 1) ** 2).where(~self.finished, 0)

    def _marginal_error(self) -> Tensor:
        """Total variation of the columns; the rows are exact."""
        off = self.q * (self.log_v.exp() * self.sums - 1)
        return off.abs().sum(-1, keepdim=True) / 2


def _relaxation(omega: Tensor, rate: Tensor) -> Tensor:
    """The relaxation for the next iterations, from the contraction that the present one gave.

    Under ω below its optimum the iteration contracts by the root λ > ω − 1 of
    (λ + ω − 1)² = λ ω² θ; where the error grew, ω was too bold.
    """
    theta = ((rate + omega - 1) ** 2 / (rate * omega**2)).clamp(max=SLOWEST_RATE)
    best = 2 / (1 + (1 - theta).sqrt())
    bolder = torch.where(rate > omega - 1, torch.maximum(omega, best), omega)
    return torch.where(rate < 1, bolder, (1 + omega) / 2)


def _kernel(cost: Tensor, g: Tensor, q: Tensor, epsilon: Tensor) -> tuple[Tensor, Tensor]:
    """The kernel at g with rows of weighted sum 1, and the potential f that makes them so."""
    epsilon = epsilon.unsqueeze(-1)
    kernel = (g.unsqueeze(-2) - cost).div_(epsilon)
    top = kernel.amax(-1, keepdim=True)
    top = top.where(top > -torch.inf, 0)  # a row without mass has no finite entry
    kernel = kernel.sub_(top).exp_()
    sums = _weighted_sums(kernel, q).unsqueeze(-1)
    sums = sums.where(sums > 0, 1)
    return kernel.div_(sums), (-epsilon * (top + sums.log())).squeeze(-1)


def _range(cost: Tensor) -> Tensor:
    """Largest minus smallest finite cost of each tile."""
    highest = cost.where(cost < torch.inf, -torch.inf).flatten(-2).amax(-1, keepdim=True)
    return highest - cost.flatten(-2).amin(-1, keepdim=True)


def _weighted_sums(matrix: Tensor, weights: Tensor) -> Tensor:
    """Matrix times vector; in tiles by sums along rows, whose order no other tile can change."""
    if matrix.ndim == 2:
        return matrix @ weights
    return (matrix * weights.unsqueeze(-2)).sum(-1)


def _transposed(matrix: Tensor) -> Tensor:
    """The transpose, laid out in rows for tiles (see `_weighted_sums`)."""
    return matrix.mT if matrix.ndim == 2 else matrix.mT.contiguous()

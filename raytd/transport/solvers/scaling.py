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

from raytd.errors import InputError
from raytd.transport.solvers.kernel import Kernel
from raytd.transport.solvers.report import SolverReport

LOOK_EVERY = 5  # iterations between two looks at the marginal error
LARGEST_SCALING = 1e4  # of a column, before it is absorbed
LARGEST_STEP = 10.0  # of log v in one iteration
FIRST_EPSILON = 1 / 32  # at the first stage, in ranges of the cost
NEXT_EPSILON = 1 / 4  # of a stage, in that of the stage before
STAGE_TOLERANCE = 0.001  # marginal error at which the next stage begins
SLOWEST_RATE = 1 - 1e-6  # largest contraction per iteration that momentum reckons with


class Scaling:
    """The state of the iteration, in every tile.

    Args:
        a: mass of the rows.
        b: mass of the columns.
        kernel: at the problem's cost.
        epsilon: regularisation, in units of cost; it comes down to this value in stages.

    Attributes:
        error: marginal error at the last look, one per tile.
        finished: whether a tile has reached the tolerance; it does not change any more.
        iterations: iterations made.
    """

    def __init__(
        self,
        a: Float[Tensor, "*tiles n"],
        b: Float[Tensor, "*tiles m"],
        kernel: Kernel,
        epsilon: float,
    ) -> None:
        check_positive("epsilon", epsilon)
        self.a, self.kernel, self.epsilon = a, kernel, epsilon
        self.p, self.q = a / a.sum(-1, keepdim=True), b / b.sum(-1, keepdim=True)
        self.g = torch.zeros_like(self.q)
        # The first kernel has no number below exp(−1 / FIRST_EPSILON).
        self.stage = (kernel.range() * FIRST_EPSILON).clamp(min=epsilon)
        self.v, self.change = torch.ones_like(self.q), torch.zeros_like(self.q)
        self.omega = torch.ones_like(self.stage)
        self.error = torch.full_like(self.stage, torch.inf)
        self.finished = torch.zeros_like(self.stage, dtype=torch.bool)
        self.iterations = 0
        self.smallest = torch.finfo(self.p.dtype).tiny
        self._set_momentum()
        self._anchor()

    def run(self, *, tolerance: float, max_iterations: int) -> SolverReport:
        """Iterate until every tile is finished or `max_iterations` are used up."""
        check_limits(tolerance, max_iterations)
        while self.iterations < max_iterations and not self.finished.all():
            n_iterations = min(LOOK_EVERY, max_iterations - self.iterations)
            for _ in range(n_iterations):
                self._iterate()
            self.iterations += n_iterations
            self._look(tolerance, n_iterations)
        self._leave_stages()
        primal, dual = self._values()
        return SolverReport(
            converged=bool(self.finished.all()),
            marginal_error=float(self.error.max()),
            iterations=self.iterations,
            primal=primal,
            dual=dual,
        )

    def go_on_from(self, g: Float[Tensor, "*tiles m"], *, iterations: int) -> None:
        """Move the tiles that are not finished to other potentials of the columns.

        Args:
            g: the potentials; those of finished tiles are not read.
            iterations: what it took to find them.
        """
        self.g = torch.where(self.finished, self.g, g)
        self.v = self.v.where(self.finished, 1)
        self.change = self.change.where(self.finished, 0)
        self.omega = self.omega.where(self.finished, 1)
        self.stage = torch.full_like(self.stage, self.epsilon)
        self.iterations += iterations
        self._set_momentum()
        self._anchor()
        self.error = torch.where(self.finished, self.error, self._marginal_error())

    @property
    def scales(self) -> tuple[Float[Tensor, "*tiles n"], Float[Tensor, "*tiles m"]]:
        """The coupling is the kernel times these, by rows and by columns."""
        return self.a * self.u, self.q * self.v

    def potentials(self) -> tuple[Float[Tensor, "*tiles n"], Float[Tensor, "*tiles m"]]:
        """The potentials of the present state; 0 where there is no mass."""
        f = self.f + self.stage * self.u.log()
        g = self.g + self.stage * self.v.log()
        return f.where(self.p > 0, 0), g.where(self.q > 0, 0)

    def _iterate(self) -> None:
        """Move the columns by a step with momentum, then make the rows exact."""
        plain = (self.v * self.sums).clamp(min=self.smallest).log()
        step = (self.momentum * self.change - self.gain * plain).clamp(-LARGEST_STEP, LARGEST_STEP)
        self.v, self.change = self.v * step.exp(), step
        self._scale_rows()

    def _scale_rows(self) -> None:
        row_sums = self.kernel.row_sums(self.q * self.v)
        self.u = 1 / row_sums.where(self.p > 0, 1)
        sums = self.kernel.column_sums(self.p * self.u)
        self.sums = sums.where(self.q > 0, 1 / self.v)

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
        largest = self.v.log().abs().amax(-1, keepdim=True)
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
        self.g = torch.where(absorb, self.g + self.stage * self.v.log(), self.g)
        self.v = self.v.where(~absorb, 1)
        self.stage = stage
        self._anchor()

    def _anchor(self) -> None:
        """Compute the kernel at the present g; unchanged, to the bit, where g and stage are."""
        self.f = self.kernel.anchor(self.g, self.q, self.stage)
        self._scale_rows()

    def _set_momentum(self) -> None:
        """A finished tile makes steps of 0, which leaves its bits alone."""
        self.gain = (self.omega**2).where(~self.finished, 0)
        self.momentum = ((self.omega - 1) ** 2).where(~self.finished, 0)

    def _values(self) -> tuple[float, float]:
        """Primal and dual value of the present state, summed over tiles."""
        f, g = self.potentials()
        a, q = self.a, self.q
        b = q * a.sum(-1, keepdim=True)
        columns = b * self.v * self.sums
        rows = (a * f + self.stage * torch.xlogy(a, a)).sum()
        log_q = torch.where(q > 0, q, 1).log()
        primal, dual = (rows + (mass * (g + self.stage * log_q)).sum() for mass in (columns, b))
        return float(primal), float(dual)

    def _marginal_error(self) -> Tensor:
        """Total variation of the columns; the rows are exact."""
        off = self.q * (self.v * self.sums - 1)
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


def check_positive(name: str, value: float) -> None:
    """Refuse a setting that is not a positive, finite number."""
    if not 0 < value < math.inf:
        raise InputError(f"{name} is {value}; it must be positive and finite")


def check_limits(tolerance: float, max_iterations: int) -> None:
    """Refuse limits at which a solver would never stop, or never start."""
    check_positive("tolerance", tolerance)
    if max_iterations < 1:
        raise InputError(f"max_iterations is {max_iterations}; it must be at least 1")

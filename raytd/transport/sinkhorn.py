"""Entropic optimal transport: what a solution is, and how to ask for one."""

import math
from dataclasses import dataclass, field, fields
from functools import cached_property

from jaxtyping import Float
from torch import Tensor

from raytd.errors import InputError
from raytd.transport.feasibility import check_feasible
from raytd.transport.problem import LinearProblem
from raytd.transport.scaling import Scaling


@dataclass(frozen=True, kw_only=True)
class SolverReport:
    """What a solver says about its own solution.

    Attributes:
        converged: whether the marginal error is within the tolerance.
        marginal_error: total variation between the coupling's marginals and the problem's, as a
            share of the mass; the largest over tiles.
        iterations: iterations used; the most over tiles.
        primal: value of the coupling in the problem that was solved; the sum over tiles.
        dual: value of the potentials; equal to `primal` at the solution.
    """

    converged: bool
    marginal_error: float
    iterations: int
    primal: float
    dual: float


@dataclass(frozen=True, kw_only=True)
class SinkhornOutput(SolverReport):
    """An entropic solution: potentials, and the coupling on demand.

    The objective is ⟨Γ, C⟩ − epsilon H(Γ) with H(Γ) = −Σ Γ log Γ, and at the solution
    Γ = (a bᵀ / mass) exp((f + g − C) / epsilon) in each tile.

    Attributes:
        f: potential of the rows, in units of cost; 0 where a row has no mass.
        g: potential of the columns, likewise.
        epsilon: regularisation, in units of cost.
    """

    f: Float[Tensor, "*tiles n"]
    g: Float[Tensor, "*tiles m"]
    epsilon: float
    _scaling: Scaling = field(repr=False)

    @property
    def report(self) -> SolverReport:
        """The report alone, without the memory that a solution holds."""
        names = [each.name for each in fields(SolverReport)]
        return SolverReport(**{name: getattr(self, name) for name in names})

    @cached_property
    def coupling(self) -> Float[Tensor, "*tiles n m"]:
        """The coupling: rows sum to `a` up to rounding, 0 where there is no mass."""
        return self._scaling.coupling()


def sinkhorn(  # noqa: PLR0913
    problem: LinearProblem,
    epsilon: float,
    *,
    tolerance: float = 1e-6,
    max_iterations: int = 5000,
    init: tuple[Tensor, Tensor] | None = None,
    epsilon_scaling: bool = True,
) -> SinkhornOutput:
    """The coupling that minimises ⟨Γ, C⟩ − epsilon H(Γ) under the problem's marginals.

    Tiles are solved side by side, and the bits of one do not depend on the others. Every iteration
    ends with the rows exact, so an early stop leaves only the columns' error. In float32 a marginal
    error below about 1e-6 cannot be told from rounding.

    Args:
        problem: dense, or a batch of tiles.
        epsilon: regularisation, in units of cost.
        tolerance: marginal error, as a share of the mass, at which a tile is finished.
        max_iterations: most iterations of a tile, over all stages of epsilon.
        init: potentials (f, g) of a similar problem to start from; switches the stages off.
        epsilon_scaling: whether epsilon comes down from a large value in stages.

    Raises:
        InputError: if a setting is not positive, or no coupling fits the support.
    """
    for name, value in (("epsilon", epsilon), ("tolerance", tolerance)):
        if not 0 < value < math.inf:
            raise InputError(f"{name} is {value}; it must be positive and finite")
    if max_iterations < 1:
        raise InputError(f"max_iterations is {max_iterations}; it must be at least 1")
    check_feasible(problem)
    scaling = Scaling(problem, epsilon, init=init, staged=epsilon_scaling and init is None)
    scaling.run(tolerance=tolerance, max_iterations=max_iterations)
    primal, dual = scaling.values()
    f, g = scaling.potentials()
    return SinkhornOutput(
        converged=bool(scaling.finished.all()),
        marginal_error=float(scaling.error.max()),
        iterations=scaling.iterations,
        primal=primal,
        dual=dual,
        f=f,
        g=g,
        epsilon=epsilon,
        _scaling=scaling,
    )

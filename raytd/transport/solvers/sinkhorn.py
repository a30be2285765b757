"""Entropic optimal transport: what a solution is, and how to ask for one."""

from dataclasses import dataclass, field
from functools import cached_property

from jaxtyping import Float
from torch import Tensor

from raytd.transport.solvers.kernel import DenseKernel
from raytd.transport.solvers.newton import climb
from raytd.transport.solvers.problem import LinearProblem
from raytd.transport.solvers.report import SolverReport
from raytd.transport.solvers.scaling import Scaling

PATIENCE = 1000  # iterations of scaling before Newton's method is tried
NEWTON_WIDTH = 1000  # columns up to which it is: a step costs their cube
NEWTON_STEPS = 300  # of a tile


@dataclass(frozen=True, kw_only=True, eq=False)
class SinkhornOutput(SolverReport):
    """An entropic solution: potentials, and the coupling on demand.

    The objective is ⟨Γ, C⟩ − epsilon H(Γ) with H(Γ) = −Σ Γ log Γ, and at the solution
    Γ = (a bᵀ / mass) exp((f + g − C) / epsilon) in each tile.

    Attributes:
        f: potential of the rows, in units of cost; 0 where a row has no mass.
        g: potential of the columns, likewise.
        report: the report alone, without the memory that a solution holds.
    """

    f: Float[Tensor, "*tiles n"]
    g: Float[Tensor, "*tiles m"]
    report: SolverReport
    _kernel: Float[Tensor, "*tiles n m"] = field(repr=False)
    _scales: tuple[Float[Tensor, "*tiles n"], Float[Tensor, "*tiles m"]] = field(repr=False)

    @cached_property
    def coupling(self) -> Float[Tensor, "*tiles n m"]:
        """The coupling: rows sum to `a` up to rounding, 0 where there is no mass."""
        rows, columns = self._scales
        return self._kernel * rows.unsqueeze(-1) * columns.unsqueeze(-2)


def sinkhorn(
    problem: LinearProblem,
    epsilon: float,
    *,
    tolerance: float = 1e-6,
    max_iterations: int = 5000,
) -> SinkhornOutput:
    """The coupling that minimises ⟨Γ, C⟩ − epsilon H(Γ) under the problem's marginals.

    Tiles are solved side by side, and the bits of one do not depend on the others. Every iteration
    ends with the rows exact, so an early stop leaves only the columns' error. In float32 a marginal
    error below 1e-5 takes many more iterations, because momentum amplifies rounding, and one below
    1e-6 may never come. Memory is that of two matrices beside the cost, three for tiles.

    Args:
        problem: dense, or a batch of tiles.
        epsilon: regularisation, in units of cost.
        tolerance: marginal error, as a share of the mass, at which a tile is finished.
        max_iterations: most iterations of a tile, over all stages of epsilon.

    Raises:
        InputError: if a setting is not positive.
    """
    kernel = DenseKernel(problem)
    scaling = Scaling(problem.a, problem.b, kernel, epsilon)
    if problem.b.shape[-1] <= NEWTON_WIDTH and max_iterations > PATIENCE:
        scaling.run(tolerance=tolerance, max_iterations=PATIENCE)
        _climb(scaling, problem, epsilon, tolerance=tolerance, max_iterations=max_iterations)
    report = scaling.run(tolerance=tolerance, max_iterations=max_iterations)
    f, g = scaling.potentials()
    return SinkhornOutput(
        **vars(report),
        f=f,
        g=g,
        report=report,
        _kernel=kernel.matrix,
        _scales=scaling.scales,
    )


def _climb(
    scaling: Scaling,
    problem: LinearProblem,
    epsilon: float,
    *,
    tolerance: float,
    max_iterations: int,
) -> None:
    """Bring the tiles that scaling has not finished to their solution, each by itself."""
    n, m = problem.cost.shape[-2:]
    cost, a, b = problem.cost.reshape(-1, n, m), problem.a.reshape(-1, n), problem.b.reshape(-1, m)
    g = scaling.potentials()[1]
    tiles = g.reshape(-1, m).clone()
    most = min(NEWTON_STEPS, max_iterations - scaling.iterations)
    used = 0
    for tile in (~scaling.finished).flatten().nonzero().flatten().tolist():
        one = LinearProblem(cost[tile], a[tile], b[tile])
        tiles[tile], steps = climb(one, tiles[tile], epsilon, tolerance=tolerance, max_steps=most)
        used = max(used, steps)
    scaling.go_on_from(tiles.reshape(g.shape), iterations=used)

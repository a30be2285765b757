"""A coupling over all pairs of two tasks, of which the tiles of an iteration are a part.

The coupling is held as its logarithm: Γ_ij = exp(f_i + g_j − A_ij) / (n m) with A a `PairFunction`.
A `kl` step with costs C makes A' = (C + pull · A) / (epsilon + pull) of it and finds new f and g,
so the memory of a trial is that of the features and of what was measured, whatever n · m is.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, Self, get_args

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from raytd.errors import InputError
from raytd.transport.matched import matched_orders
from raytd.transport.pairs import PairFunction, PairSpace
from raytd.transport.settings import EpsilonUnit
from raytd.transport.solvers.kernel import DenseKernel, Kernel, StreamedKernel
from raytd.transport.solvers.problem import LinearProblem
from raytd.transport.solvers.report import SolverReport
from raytd.transport.solvers.scaling import Scaling, check_positive
from raytd.transport.solvers.sinkhorn import sinkhorn
from raytd.transport.spread import unit_of
from raytd.transport.tiles import Tiles, n_tiles, tiles_in_order

DENSE_PAIRS = 2**25  # pairs up to which a solve keeps three matrices of them, 0.8 GB
CHUNK_PAIRS = 2**22  # pairs of a chunk of rows, 32 MB a matrix; above DENSE_PAIRS solves use them
ALIKE = 1e-12  # spread in radians up to which costs are alike and any unit gives one coupling
SKETCH_WIDTH = 32  # directions by which a coupling is dealt into tiles

GlobalProximal = Literal["kl", "none"]


@dataclass(frozen=True, eq=False)
class Projection:
    """A global coupling as the tiles can carry it.

    Attributes:
        coupling: the coupling on the tiles nearest to the global one by relative entropy.
        captured: mass that the global coupling had on the tiles' pairs, between 0 and 1.
        report: of the solve.
    """

    coupling: Float[Tensor, "tiles n m"]
    captured: float
    report: SolverReport


@dataclass(frozen=True, eq=False)
class GlobalCoupling:
    """A coupling over all pairs with uniform marginals, on the CPU and in float64.

    Attributes:
        exponent: A.
        f: of the sources.
        g: of the targets.
        report: of the solve that found f and g; primal and dual in units of cost.
    """

    exponent: PairFunction
    f: Float[Tensor, " n"]
    g: Float[Tensor, " m"]
    report: SolverReport

    @classmethod
    def from_features(
        cls,
        space: PairSpace,
        *,
        epsilon: float,
        epsilon_unit: EpsilonUnit = "spread",
        tolerance: float = 1e-6,
        max_iterations: int = 5000,
    ) -> Self:
        """The coupling of iteration 0, from squared distances of features, eq. (14).

        Args:
            space: sources and targets.
            epsilon: entropic regularisation, in `epsilon_unit`.
            epsilon_unit: spreads of these distances, or the distances' own unit.
            tolerance: marginal error.
            max_iterations: of the solver.
        """
        check_positive("epsilon", epsilon)
        spread = space.spread()
        unit = epsilon * unit_of(epsilon_unit, spread, alike=spread == 0)
        exponent = PairFunction.distances(space, 1 / unit)
        return cls._solve(exponent, unit, tolerance=tolerance, max_iterations=max_iterations)

    def step(  # noqa: PLR0913
        self,
        cost: PairFunction,
        *,
        spread: float,
        epsilon: float,
        lam: float,
        proximal: GlobalProximal = "kl",
        epsilon_unit: EpsilonUnit = "spread",
        tolerance: float = 1e-6,
        max_iterations: int = 5000,
    ) -> "GlobalCoupling":
        """The coupling that minimises ⟨Γ, C⟩ − epsilon H(Γ) + KL(Γ‖self) / lam.

        Args:
            cost: C for all pairs.
            spread: of the cost over all pairs; see `spread_of`.
            epsilon: entropic regularisation, in `epsilon_unit`.
            lam: step size; 1/lam is in `epsilon_unit`, too.
            proximal: `none` leaves the last term out.
            epsilon_unit: `spread` counts in spreads of the cost, `absolute` in units of the cost.
            tolerance: marginal error.
            max_iterations: of the solver.

        Raises:
            InputError: if a setting is outside its domain, the proximal term needs Γ as a matrix,
                or the cost is of other examples.
        """
        if not 0 <= spread < math.inf:
            raise InputError(f"spread is {spread}; it must be finite and not negative")
        for name, value in (("epsilon", epsilon), ("lam", lam)):
            check_positive(name, value)
        if proximal not in get_args(GlobalProximal):
            raise InputError(f"proximal is {proximal!r}; a global coupling takes kl or none")
        unit = unit_of(epsilon_unit, spread, alike=spread <= ALIKE)
        pull = unit / lam if proximal == "kl" else 0.0
        regularisation = epsilon * unit + pull
        exponent = cost * (1 / regularisation) + self.exponent * (pull / regularisation)
        new = self._solve(
            exponent, regularisation, tolerance=tolerance, max_iterations=max_iterations
        )
        n, m = cost.space.shape
        log_self = float(self.f.mean() + self.g.mean()) - math.log(n * m)  # but for −A
        values = {k: getattr(new.report, k) - pull * log_self for k in ("primal", "dual")}
        return replace(new, report=replace(new.report, **values))

    def rows(self, start: int, stop: int) -> Float[Tensor, "r m"]:
        """The coupling of the sources from start to stop with all targets."""
        n, m = self.exponent.space.shape
        log_density = self.f[start:stop, None] + self.g - self.exponent.rows(start, stop)
        return log_density.exp_().div_(n * m)

    def at(self, index: Int64[Tensor, " p"]) -> Float[Tensor, " p"]:
        """The coupling at pairs, i · m + j each."""
        n, m = self.exponent.space.shape
        return self._log_density(index).exp() / (n * m)

    def project(
        self, tiles: Tiles, *, tolerance: float = 1e-6, max_iterations: int = 5000
    ) -> Projection:
        """The coupling on the tiles nearest to this one: its Sinkhorn projection.

        Raises:
            InputError: if the tiles are of other numbers of examples.
        """
        shape = (tiles.n_source, tiles.n_target)
        if shape != self.exponent.space.shape:
            raise InputError(f"tiles are of {shape} pairs, not {self.exponent.space.shape}")
        has_mass, pairs = tiles.has_mass, tiles.pairs
        cost = torch.zeros(pairs.shape, dtype=torch.float64)
        cost[has_mass] = -self._log_density(pairs[has_mass])
        solution = sinkhorn(
            LinearProblem(cost, tiles.a, tiles.b),
            1.0,
            tolerance=tolerance,
            max_iterations=max_iterations,
        )
        captured = float(self.at(torch.unique(pairs[has_mass])).sum())
        return Projection(solution.coupling, captured, solution.report)

    def deal(self, tile_size: int) -> Tiles:
        """Tiles that hold as much of this coupling as can be had cheaply.

        The leading singular vectors of the coupling place sources and targets in one space, where
        partners are neighbours, and `matched_orders` deals them.
        """
        n, m = self.exponent.space.shape
        count = n_tiles(n, m, tile_size)
        grid = torch.arange(1, m + 1).unsqueeze(-1) * torch.arange(1, SKETCH_WIDTH + 1)
        right = torch.cos(grid.double())
        for _ in range(2):
            left = torch.linalg.qr(torch.cat([rows @ right for _, rows in self._chunks()]))[0]
            right = torch.zeros(m, left.shape[1], dtype=torch.float64)
            for part, rows in self._chunks():
                right += rows.mT @ left[part]
        return tiles_in_order(*matched_orders(left, right, n_tiles=count), n_tiles=count)

    @classmethod
    def _solve(
        cls, exponent: PairFunction, unit: float, *, tolerance: float, max_iterations: int
    ) -> Self:
        """The coupling with an exponent, whose values the report counts in `unit`."""
        n, m = exponent.space.shape
        a, b = (torch.full((size,), 1 / size, dtype=torch.float64) for size in (n, m))
        kernel: Kernel = StreamedKernel(exponent.rows, n, _chunk_rows(m))
        if n * m <= DENSE_PAIRS:
            kernel = DenseKernel(LinearProblem(exponent.rows(0, n), a, b))
        scaling = Scaling(a, b, kernel, 1.0)
        report = scaling.run(tolerance=tolerance, max_iterations=max_iterations)
        report = replace(report, primal=unit * report.primal, dual=unit * report.dual)
        return cls(exponent, *scaling.potentials(), report)

    def _log_density(self, index: Tensor) -> Tensor:
        m = self.exponent.space.shape[1]
        return self.f[index // m] + self.g[index % m] - self.exponent.at(index)

    def _chunks(self) -> Iterator[tuple[slice, Tensor]]:
        """The coupling in chunks of rows, in order."""
        n, m = self.exponent.space.shape
        for start in range(0, n, _chunk_rows(m)):
            stop = min(start + _chunk_rows(m), n)
            yield slice(start, stop), self.rows(start, stop)


def spread_of(cost: PairFunction) -> float:
    """Spread of a cost over all pairs at uniform marginals, the unit of epsilon and of 1/lam.

    It is that of `cost_spread` on one tile that holds everything, row chunk by row chunk: it does
    not change with the tiles that were measured, which hold pairs that are much alike.
    """
    n, m = cost.space.shape
    squares, columns, rows = 0.0, torch.zeros(m, dtype=torch.float64), []
    shift = float(cost.rows(0, 1).mean())  # or a large constant would take the digits
    for start in range(0, n, _chunk_rows(m)):
        values = cost.rows(start, min(start + _chunk_rows(m), n)) - shift
        squares += float((values**2).sum())
        columns += values.sum(0)
        rows.append(values.mean(1))
    by_row, by_column = torch.cat(rows), columns / n
    levels = (by_row**2).mean() + (by_column**2).mean() - by_row.mean() ** 2
    return math.sqrt(max(0.0, squares / (n * m) - float(levels)))


def _chunk_rows(m: int) -> int:
    return max(1, CHUNK_PAIRS // m)

"""The kernel of a scaling iteration: kept as a matrix, or computed anew row chunk by row chunk.

With epsilon and the marginals' weights q of the columns given, a kernel at g is

    K_ij = exp((f_i + g_j − C_ij) / epsilon),    Σ_j q_j K_ij = 1,

which determines f. A pair that may have no mass has cost +inf and K = 0.
"""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from raytd.transport.solvers.problem import LinearProblem


class DenseKernel:
    """A kernel in memory: as large as the cost, and once more for tiles."""

    def __init__(self, problem: LinearProblem) -> None:
        allowed = problem.allowed
        self.cost = problem.cost
        if not bool(allowed.all()):
            self.cost = self.cost.masked_fill(~allowed, torch.inf)
        self.matrix = self.transposed = self.cost

    def range(self) -> Float[Tensor, "*tiles 1"]:
        """Largest minus smallest finite cost of each tile."""
        return _range(self.cost.flatten(-2))

    def anchor(self, g: Tensor, q: Tensor, epsilon: Tensor) -> Tensor:
        """Set the kernel to the one at g; its f comes back."""
        self.matrix, f = normalised_rows(self.cost, g, q, epsilon)
        self.transposed = _transposed(self.matrix)
        return f

    def row_sums(self, weights: Tensor) -> Tensor:
        """Kernel times weights of the columns."""
        return _weighted_sums(self.matrix, weights)

    def column_sums(self, weights: Tensor) -> Tensor:
        """Transposed kernel times weights of the rows."""
        return _weighted_sums(self.transposed, weights)


class StreamedKernel:
    """A kernel that is computed in chunks of rows whenever it is needed, and never kept.

    Memory is that of a few chunks, chunk_rows · m numbers each; every sum costs n · m exponentials.

    Args:
        rows: gives the cost of the rows from start to stop, (stop − start, m).
        n: number of rows.
        chunk_rows: rows at a time.
    """

    def __init__(self, rows: Callable[[int, int], Tensor], n: int, chunk_rows: int) -> None:
        self.rows, self.n, self.chunk_rows = rows, n, chunk_rows

    def chunks(self) -> Iterator[tuple[slice, Tensor]]:
        """The chunks of rows and their costs, in order."""
        for start in range(0, self.n, self.chunk_rows):
            stop = min(start + self.chunk_rows, self.n)
            yield slice(start, stop), self.rows(start, stop)

    def range(self) -> Float[Tensor, "*tiles 1"]:
        """Largest minus smallest finite cost of each tile."""
        ends = [torch.stack([c.amin(), c.amax()]) for _, c in self.chunks()]
        return _range(torch.cat(ends))

    def anchor(self, g: Tensor, q: Tensor, epsilon: Tensor) -> Tensor:
        """Set the kernel to the one at g; its f comes back."""
        self.g, self.epsilon = g, epsilon
        self.f = torch.cat([normalised_rows(c, g, q, epsilon)[1] for _, c in self.chunks()])
        return self.f

    def row_sums(self, weights: Tensor) -> Tensor:
        """Kernel times weights of the columns."""
        return torch.cat([self._kernel(part, cost) @ weights for part, cost in self.chunks()])

    def column_sums(self, weights: Tensor) -> Tensor:
        """Transposed kernel times weights of the rows."""
        sums = torch.zeros_like(self.g)
        for part, cost in self.chunks():
            sums += weights[part] @ self._kernel(part, cost)
        return sums

    def _kernel(self, part: slice, cost: Tensor) -> Tensor:
        return ((self.f[part, None] + self.g - cost) / self.epsilon).exp_()


Kernel = DenseKernel | StreamedKernel
"""What the scaling iteration asks for its sums."""


def normalised_rows(
    cost: Tensor, g: Tensor, q: Tensor, epsilon: Tensor
) -> tuple[Float[Tensor, "*tiles n m"], Float[Tensor, "*tiles n"]]:
    """The kernel at g with rows of weighted sum 1, and the f that makes them so."""
    epsilon = epsilon.unsqueeze(-1)
    kernel = (g.unsqueeze(-2) - cost).div_(epsilon)
    top = kernel.amax(-1, keepdim=True)
    top = top.where(top > -torch.inf, 0)  # a row without mass has no finite entry
    kernel = kernel.sub_(top).exp_()
    sums = _weighted_sums(kernel, q).unsqueeze(-1)
    sums = sums.where(sums > 0, 1)
    return kernel.div_(sums), (-epsilon * (top + sums.log())).squeeze(-1)


def _range(costs: Tensor) -> Tensor:
    highest = costs.where(costs < torch.inf, -torch.inf).amax(-1, keepdim=True)
    return highest - costs.amin(-1, keepdim=True)


def _weighted_sums(matrix: Tensor, weights: Tensor) -> Tensor:
    """Matrix times vector; in tiles by sums along rows, whose order no other tile can change."""
    if matrix.ndim == 2:
        return matrix @ weights
    return (matrix * weights.unsqueeze(-2)).sum(-1)


def _transposed(matrix: Tensor) -> Tensor:
    """The transpose, laid out in rows for tiles (see `_weighted_sums`)."""
    return matrix.mT if matrix.ndim == 2 else matrix.mT.contiguous()

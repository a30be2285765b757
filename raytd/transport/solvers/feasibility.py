"""Whether there is any coupling on the support of a problem."""

import numpy as np
from numpy.typing import NDArray

from raytd.errors import InputError
from raytd.transport.solvers.problem import LinearProblem

UNITS = 2**30  # that the mass is counted in, so that whole-number flow can carry it


def check_feasible(problem: LinearProblem) -> None:
    """Refuse a support that cannot carry the marginals, before anything iterates on it.

    There is a coupling if and only if no set of rows holds more mass than the columns it reaches,
    which the largest flow from rows to columns decides. Masses count to about one part in 10⁶.

    Raises:
        InputError: if there is none; the message names rows that hold too much.
    """
    if problem.support is None:
        return
    shape = problem.cost.shape[-2:]
    allowed = problem.allowed.reshape(-1, *shape).cpu().numpy()
    a, b = (x.double().reshape(len(allowed), -1).cpu().numpy() for x in (problem.a, problem.b))
    for tile, pairs in enumerate(allowed):
        rows = _overfull_rows(a[tile], b[tile], pairs)
        if rows.size:
            reached = b[tile][pairs[rows].any(0)].sum()
            place = f" of tile {tile}" if problem.cost.ndim > 2 else ""
            raise InputError(
                f"support: {rows.size} rows{place}, the first is {rows[0]}, hold mass "
                f"{a[tile][rows].sum():.6g} and reach only columns of mass {reached:.6g}; "
                "no coupling fits, add pairs to the support"
            )


def _overfull_rows(
    a: NDArray[np.float64], b: NDArray[np.float64], pairs: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Rows that hold more mass than the columns they reach, or none; Hall's condition by a flow.

    Node 0 feeds the rows, then come rows and columns, and the last node drains the columns. What
    the feeding node still reaches after the largest flow is one side of a smallest cut.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    n, m = pairs.shape
    feeds = np.floor(a * (UNITS / a.sum())).astype(np.int32)
    drains = np.floor(b * (UNITS / b.sum())).astype(np.int32)
    i, j = pairs.nonzero()
    heads = np.concatenate([np.zeros(n, np.intp), 1 + i, 1 + n + np.arange(m)])
    tails = np.concatenate([1 + np.arange(n), 1 + n + j, np.full(m, 1 + n + m)])
    capacity = np.concatenate([feeds, np.full(len(i), UNITS, np.int32), drains])
    graph = csr_array((capacity, (heads, tails)), shape=(n + m + 2, n + m + 2))
    result = maximum_flow(graph, 0, n + m + 1)
    if result.flow_value >= UNITS - (n + m) - UNITS // 10**6:
        return np.zeros(0, np.intp)
    residual = graph - result.flow
    residual.data[residual.data < 0] = 0
    residual.eliminate_zeros()
    reached = breadth_first_order(residual, 0, return_predecessors=False)
    return np.sort(reached[(reached >= 1) & (reached <= n)] - 1)

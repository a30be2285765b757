"""The earth mover's distance, exactly, by POT's network simplex."""

import torch
from jaxtyping import Float64
from torch import Tensor

from raytd.errors import InputError, NotFiniteError
from raytd.transport.solvers.problem import LinearProblem

MOST_PIVOTS = 10_000_000
"""Pivots of the simplex after which POT gives up."""


def earth_mover_distance(problem: LinearProblem) -> float:
    """The least ⟨Γ, C⟩ over all couplings of the marginals, in units of the cost.

    Args:
        problem: one matrix on the CPU, in which every pair may have mass.

    Raises:
        InputError: if the problem has tiles.
        NotFiniteError: if POT finds no optimum.
    """
    import ot

    if problem.cost.ndim != 2:
        raise InputError("the exact distance takes one matrix of costs, with every pair allowed")
    a, b, cost = (v.double().numpy() for v in (problem.a, problem.b, problem.cost))
    value, log = ot.emd2(
        a / a.sum(), b / b.sum(), cost, numItermax=MOST_PIVOTS, numThreads=1, log=True
    )
    if log["warning"] is not None:
        raise NotFiniteError(f"earth mover's distance: POT found no optimum ({log['warning']})")
    return float(value) * float(a.sum())


def euclidean(x: Float64[Tensor, "n d"], y: Float64[Tensor, "m d"]) -> Float64[Tensor, "n m"]:
    """|x_i − y_j|, from the differences themselves, so that equal points are at distance 0."""
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")

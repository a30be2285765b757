"""The debiased Sinkhorn divergence, by POT's stabilised Sinkhorn iterations."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from raytd.errors import InputError
from raytd.transport.earth_mover import earth_mover_distance
from raytd.transport.solvers.problem import LinearProblem


@dataclass(frozen=True)
class Divergence:
    """What two clouds of points have to each other, beyond what each has to itself.

    Attributes:
        value: in units of the cost.
        transport: the cost from one to the other with its entropy, not debiased.
        marginal_error: greatest total variation between a coupling's marginals and the wanted ones.
    """

    value: float
    transport: float
    marginal_error: float


def sinkhorn_divergence(
    cost: Float64[Tensor, "n m"],
    own: Sequence[Float64[Tensor, "k k"]],
    *,
    epsilon: float,
    tolerance: float = 1e-5,
    max_iterations: int = 10_000,
) -> Divergence:
    """OT(a, b) − OT(a, a)/2 − OT(b, b)/2 with uniform weights; for one and the same cloud 0.

    OT = min ⟨Γ, C⟩ + ε KL(Γ‖a bᵀ). With ε = 0 the problem is linear, and the cost from a cloud to
    itself is 0. Feydy et al. (2019), eq. (3).

    Args:
        cost: between the clouds.
        own: within each of them.
        epsilon: entropic regularisation in units of the cost.
        tolerance: total variation of the marginals from the wanted ones at which iterations end.
        max_iterations: of each of the three problems.

    Raises:
        InputError: if a cost is not finite or ε is negative.
    """
    if epsilon < 0:
        raise InputError(f"epsilon is {epsilon:g}; it must not be negative")
    problems = [_uniform(c) for c in (cost, *own)]
    if epsilon == 0:
        value = earth_mover_distance(problems[0])
        return Divergence(value, value, 0.0)
    solved = [_entropic(p, epsilon, tolerance, max_iterations) for p in problems]
    (between, _), (source, _), (target, _) = solved
    return Divergence(between - source / 2 - target / 2, between, max(e for _, e in solved))


def _uniform(cost: Float64[Tensor, "n m"]) -> LinearProblem:
    a, b = (torch.full((n,), 1 / n, dtype=torch.float64) for n in cost.shape)
    return LinearProblem(cost, a, b)


def _entropic(
    problem: LinearProblem, epsilon: float, tolerance: float, max_iterations: int
) -> tuple[float, float]:
    """The least ⟨Γ, C⟩ + ε KL(Γ‖a bᵀ), and the marginal error of the Γ that was found.

    The least costs of rows and columns are taken off first: Γ is blind to them, and exp(−C/ε) then
    has no row of zeros however small ε is. The value is that of the dual, whose error is of the
    order of the marginal error squared.
    """
    import ot

    a, b = problem.a, problem.b
    rows = problem.cost.amin(dim=1)
    columns = (problem.cost - rows[:, None]).amin(dim=0)
    # POT ends at the Euclidean norm of the columns' error, which is at least TV times 2 / sqrt(m).
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the marginal error says the same, and more
        coupling, log = ot.sinkhorn(
            a,
            b,
            problem.cost - rows[:, None] - columns,
            epsilon,
            method="sinkhorn_stabilized",
            stopThr=2 * tolerance / len(b) ** 0.5,
            numItermax=max_iterations,
            log=True,
            warn=False,
        )
    f, g = rows + epsilon * (log["logu"] - a.log()), columns + epsilon * (log["logv"] - b.log())
    dual = a @ f + b @ g - epsilon * (coupling.sum() - 1)
    error = (coupling.sum(1) - a).abs().sum() + (coupling.sum(0) - b).abs().sum()
    return float(dual), float(error) / 2

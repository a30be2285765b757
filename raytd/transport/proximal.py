"""One update of a coupling: entropic transport that stays near the coupling it starts from."""

import math
from dataclasses import dataclass
from typing import Any, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from raytd.errors import InputError
from raytd.transport.settings import EpsilonUnit, Proximal
from raytd.transport.solvers.frobenius import frobenius_coupling
from raytd.transport.solvers.problem import LinearProblem, check_same_kind, refuse
from raytd.transport.solvers.report import SolverReport
from raytd.transport.solvers.scaling import check_positive
from raytd.transport.solvers.sinkhorn import sinkhorn
from raytd.transport.spread import cost_spread, unit_of


@dataclass(frozen=True, eq=False)
class CouplingStep:
    """A new coupling and how it came about.

    Attributes:
        coupling: the new coupling; its rows are exact up to rounding.
        report: what the solver says; primal and dual include entropy and proximal term.
        spread: spread of the cost, in its own units.
        effective_partners: see `effective_partners`.
        warning: what the user should know, or None.
    """

    coupling: Float[Tensor, "*tiles n m"]
    report: SolverReport
    spread: float
    effective_partners: float
    warning: str | None


def effective_partners(coupling: Float[Tensor, "*tiles n m"]) -> float:
    """How many partners a row has: exp of the entropy of its conditional law, mean by mass.

    Raises:
        InputError: if a value is negative or not finite, or there is no mass.
    """
    _check_coupling("coupling", coupling)
    mass = coupling.sum(-1, keepdim=True)
    conditional = coupling / mass.where(mass > 0, 1)
    partners = torch.special.entr(conditional).sum(-1).exp()
    return float((partners * mass.squeeze(-1)).sum() / mass.sum())


def coupling_step(  # noqa: PLR0913
    problem: LinearProblem,
    reference: Float[Tensor, "*tiles n m"],
    *,
    epsilon: float,
    lam: float,
    proximal: Proximal = "kl",
    epsilon_unit: EpsilonUnit = "spread",
    tolerance: float = 1e-6,
    max_iterations: int = 5000,
) -> CouplingStep:
    """The coupling Γ that minimises ⟨Γ, C⟩ − epsilon H(Γ) plus a pull towards a reference R.

    The pull is weaker the larger lam is. With the density r = Γ / (a bᵀ / mass) of each tile:

    - `kl`: KL(Γ‖R) / lam, a proximal step. Where R has underflowed to 0 it counts as the smallest
      normal number, so that no pair is shut out for ever.
    - `linear`: −⟨Γ, r_R⟩ / lam, as in the paper's eq. (17a); pulls towards a permutation.
    - `frobenius`: Σ (a bᵀ / mass) (r − r_R)² / (2 lam).
    - `none`: nothing.

    Args:
        problem: costs and marginals.
        reference: the coupling of the last iteration, in the shape of the cost.
        epsilon: entropic regularisation, in `epsilon_unit`.
        lam: step size; 1/lam is in `epsilon_unit`, too.
        proximal: form of the pull.
        epsilon_unit: `spread` counts in spreads of the cost, `absolute` in units of the cost.
        tolerance: marginal error, as a share of the mass.
        max_iterations: of the solver.

    Raises:
        InputError: if a number is not positive, or the reference does not fit the problem.
    """
    _check(problem, reference, epsilon=epsilon, lam=lam, proximal=proximal)
    spread = cost_spread(problem)
    alike = _alike(problem, spread)
    unit = unit_of(epsilon_unit, spread, alike=alike)
    coupling, report = _solve(
        problem,
        reference,
        proximal=proximal if lam < math.inf else "none",
        epsilon=unit * epsilon,
        pull=unit / lam,
        limits={"tolerance": tolerance, "max_iterations": max_iterations},
    )
    density = float(_density(problem, reference).max()) if proximal == "linear" else 0.0
    return CouplingStep(
        coupling=coupling,
        report=report,
        spread=spread,
        effective_partners=effective_partners(coupling),
        warning=_warning(report, alike=alike, collapse=density / (lam * epsilon)),
    )


def first_coupling(
    feature_problem: LinearProblem,
    *,
    epsilon: float,
    epsilon_unit: EpsilonUnit = "spread",
    tolerance: float = 1e-6,
    max_iterations: int = 5000,
) -> CouplingStep:
    """The coupling of iteration 0, from costs between features, eq. (14)."""
    return coupling_step(
        feature_problem,
        feature_problem.independent,
        epsilon=epsilon,
        lam=math.inf,
        proximal="none",
        epsilon_unit=epsilon_unit,
        tolerance=tolerance,
        max_iterations=max_iterations,
    )


def _solve(
    problem: LinearProblem,
    reference: Tensor,
    *,
    proximal: Proximal,
    epsilon: float,
    pull: float,
    limits: dict[str, Any],
) -> tuple[Tensor, SolverReport]:
    """The step with epsilon and pull in units of cost: three of the four are Sinkhorn's."""
    cost = problem.cost
    if proximal == "frobenius":
        density = _density(problem, reference)
        return frobenius_coupling(problem, density, epsilon=epsilon, pull=pull, **limits)
    if proximal == "kl":
        cost = cost - pull * reference.clamp(min=torch.finfo(cost.dtype).tiny).log()
        epsilon += pull
    elif proximal == "linear":
        cost = cost - pull * _density(problem, reference)
    solution = sinkhorn(problem.with_cost(cost), epsilon, **limits)
    return solution.coupling, solution.report


def _check(
    problem: LinearProblem, reference: Tensor, *, epsilon: float, lam: float, proximal: str
) -> None:
    check_positive("epsilon", epsilon)
    if not lam > 0:
        raise InputError(f"lam is {lam}; it must be positive")
    if proximal not in get_args(Proximal):
        raise InputError(f"proximal is {proximal!r}; choose from {', '.join(get_args(Proximal))}")
    if reference.shape != problem.cost.shape:
        raise InputError(
            f"reference has shape {tuple(reference.shape)}, not {tuple(problem.cost.shape)}"
        )
    check_same_kind("reference", reference, problem.cost)
    _check_coupling("reference", reference)


def _check_coupling(name: str, coupling: Tensor) -> None:
    refuse(name, coupling, ~torch.isfinite(coupling), "a coupling must be finite")
    refuse(name, coupling, coupling < 0, "a coupling must not be negative")
    if not bool(coupling.any()):
        raise InputError(f"{name} is 0 everywhere; a coupling needs mass")


def _alike(problem: LinearProblem, spread: float) -> bool:
    """Whether the spread of the costs is nothing but rounding."""
    largest = float(problem.cost.where(problem.allowed, 0).abs().max())
    return spread <= 16 * torch.finfo(problem.cost.dtype).eps * largest


def _density(problem: LinearProblem, coupling: Tensor) -> Tensor:
    """The coupling relative to the independent one of its tile; 0 where there is no mass."""
    independent = problem.independent
    return torch.where(independent > 0, coupling / independent, 0)


def _warning(report: SolverReport, *, alike: bool, collapse: float) -> str | None:
    warnings = [report.warning] if report.warning else []
    if alike:
        warnings.append("all costs are alike, up to what depends on the row or the column alone")
    if collapse > 1:
        warnings.append(
            f"largest density / (lam epsilon) is {collapse:.3g}: above 1 the linear term pulls "
            "towards a permutation whatever the cost; raise lam or epsilon, or choose kl"
        )
    return "; ".join(warnings) or None

"""What a solver says about its own solution."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SolverReport:
    """How good a solution is.

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

    @property
    def warning(self) -> str | None:
        """What the user should know, or None if the solver converged."""
        if self.converged:
            return None
        return (
            f"not converged: marginal error {self.marginal_error:.2g} after {self.iterations} "
            "iterations; raise max_iterations or epsilon"
        )

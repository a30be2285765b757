"""The coordinator: averages weights, adds up costs, solves the coupling step, decides convergence.

It never touches an image: it sends states and couplings to the blocks' workers and gets states,
lengths and counts back. Sums over blocks are taken in block order, so the answer does not depend on
where the workers are or how many share a machine.
"""

from collections.abc import Iterator

import numpy as np
import torch

from raytd.engine.calls import Executor
from raytd.engine.devices import torch_threads
from raytd.engine.follow import Crew, follow
from raytd.engine.records import Iteration, Pairs, Plan, Solve
from raytd.transfer.state import TrainState
from raytd.transport.problem import LinearProblem, independent_coupling
from raytd.transport.proximal import (
    CouplingStep,
    coupling_step,
    effective_partners,
    first_coupling,
)


class Coordinator:
    """Runs the iterations of one trial.

    Args:
        plan: the trial.
        executor: runs the blocks' workers.
    """

    def __init__(self, plan: Plan, executor: Executor) -> None:
        self.plan = plan
        self.crew = Crew(plan, executor)

    def iterations(self) -> Iterator[Iteration]:
        """Trajectory, costs, coupling step, and again, until K or convergence."""
        coupling, solve = self._first_coupling()
        previous: float | None = None
        for k in range(self.plan.iterations):
            record = follow(self.crew, k, coupling, solve, previous)
            yield record
            if k + 1 == self.plan.iterations or self._settled(record):
                return
            previous = record.lengths.distance
            coupling, solve = self._next_coupling(record, coupling)

    def _settled(self, record: Iteration) -> bool:
        return record.change is not None and record.change < self.plan.tolerance

    def _first_coupling(self) -> tuple[Pairs, Solve]:
        """Γ^0: from the features of the source model, eq. (14), or independent."""
        tiles, settings = self.plan.tiles, self.plan.coupling
        if settings is None:
            coupling = independent_coupling(tiles.a, tiles.b)
            given = Solve(True, 0.0, 0, effective_partners(coupling), None, None)
            return coupling.numpy(), given
        start = self.crew.executor.share(TrainState.at_rest(self.plan.start))
        costs = [p.result() for p in self.crew.submit_all("feature_cost", start)]
        with torch_threads(self.plan.threads):
            step = first_coupling(
                self._problem(np.concatenate(costs)),
                epsilon=settings.epsilon,
                epsilon_unit="spread",
                tolerance=settings.tolerance,
                max_iterations=settings.max_iterations,
            )
        return step.coupling.numpy(), _solve(step)

    def _next_coupling(self, record: Iteration, coupling: Pairs) -> tuple[Pairs, Solve]:
        settings = self.plan.coupling
        if settings is None:
            return coupling, record.solve
        with torch_threads(self.plan.threads):
            step = coupling_step(
                self._problem(record.cost),
                torch.from_numpy(coupling),
                epsilon=settings.epsilon,
                lam=settings.lam,
                proximal=settings.proximal,
                epsilon_unit=settings.epsilon_unit,
                tolerance=settings.tolerance,
                max_iterations=settings.max_iterations,
            )
        return step.coupling.numpy(), _solve(step)

    def _problem(self, cost: Pairs) -> LinearProblem:
        return LinearProblem(torch.from_numpy(cost), self.plan.tiles.a, self.plan.tiles.b)


def _solve(step: CouplingStep) -> Solve:
    return Solve(
        converged=step.report.converged,
        marginal_error=step.report.marginal_error,
        sinkhorn_iterations=step.report.iterations,
        effective_partners=step.effective_partners,
        spread=step.spread,
        warning=step.warning,
    )

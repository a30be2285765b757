"""The coordinator: averages weights, adds up costs, solves the coupling step, decides convergence.

It never touches an image: it sends states and couplings to the blocks' workers and gets states,
lengths and counts back. Sums over blocks are taken in block order, so the answer does not depend on
where the workers are or how many share a machine.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from raytd.engine.block import Evaluation, Measurement
from raytd.engine.devices import torch_threads
from raytd.engine.records import Iteration, Knot, Pairs, Plan, Solve
from raytd.transfer.lengths import Moments, path_lengths, strides
from raytd.transfer.state import TrainState, average
from raytd.transport.problem import LinearProblem, independent_coupling
from raytd.transport.proximal import (
    CouplingStep,
    coupling_step,
    effective_partners,
    first_coupling,
)


class Pending(Protocol):
    """A call that was submitted."""

    def result(self) -> Any:
        """Waits for what the call returns; raises what it raised."""


class Executor(Protocol):
    """Runs methods of the blocks' workers."""

    def share(self, value: Any) -> Any:
        """A handle that stands for `value` among the arguments of `submit`."""

    def submit(self, block: int, method: str, *args: Any) -> Pending:
        """Starts a call; calls to one block run in the order of their submission."""


class Coordinator:
    """Runs the iterations of one trial.

    Args:
        plan: the trial.
        executor: runs the blocks' workers.
    """

    def __init__(self, plan: Plan, executor: Executor) -> None:
        self.plan = plan
        self.executor = executor
        self.blocks = range(plan.n_blocks)
        self.slices = [plan.tiles.block(b, plan.n_blocks) for b in self.blocks]
        mass = plan.tiles.a.sum(dim=1)
        self.masses = [float(mass[s].sum() / mass.sum()) for s in self.slices]

    def iterations(self) -> Iterator[Iteration]:
        """Trajectory, costs, coupling step, and again, until K or convergence."""
        coupling, solve = self._first_coupling()
        previous: float | None = None
        for k in range(self.plan.iterations):
            record = _Trajectory(self, k, coupling, solve, previous).run()
            yield record
            if k + 1 == self.plan.iterations or self._settled(record):
                return
            previous = record.lengths.distance
            coupling, solve = self._next_coupling(record, coupling)

    def submit_all(self, method: str, *args: Any) -> list[Pending]:
        """The same call to every block, in block order."""
        return [self.executor.submit(b, method, *args) for b in self.blocks]

    def _settled(self, record: Iteration) -> bool:
        return record.change is not None and record.change < self.plan.tolerance

    def _first_coupling(self) -> tuple[Tensor, Solve]:
        """Γ^0: from the features of the source model, eq. (14), or independent."""
        tiles, settings = self.plan.tiles, self.plan.coupling
        if settings is None:
            coupling = independent_coupling(tiles.a, tiles.b)
            return coupling, Solve(True, 0.0, 0, effective_partners(coupling), None, None)
        start = self.executor.share(TrainState.at_rest(self.plan.start))
        costs = [p.result() for p in self.submit_all("feature_cost", start)]
        with torch_threads(self.plan.threads):
            step = first_coupling(
                self._problem(np.concatenate(costs)),
                epsilon=settings.epsilon,
                epsilon_unit="spread",
                tolerance=settings.tolerance,
                max_iterations=settings.max_iterations,
            )
        return step.coupling, _solve(step)

    def _next_coupling(self, record: Iteration, coupling: Tensor) -> tuple[Tensor, Solve]:
        settings = self.plan.coupling
        if settings is None:
            return coupling, record.solve
        with torch_threads(self.plan.threads):
            step = coupling_step(
                self._problem(record.cost),
                coupling,
                epsilon=settings.epsilon,
                lam=settings.lam,
                proximal=settings.proximal,
                epsilon_unit=settings.epsilon_unit,
                tolerance=settings.tolerance,
                max_iterations=settings.max_iterations,
            )
        return step.coupling, _solve(step)

    def _problem(self, cost: Pairs) -> LinearProblem:
        return LinearProblem(torch.from_numpy(cost), self.plan.tiles.a, self.plan.tiles.b)


class _Trajectory:
    """One trajectory under a fixed coupling, driven segment by segment."""

    def __init__(
        self,
        owner: Coordinator,
        iteration: int,
        coupling: Tensor,
        solve: Solve,
        previous: float | None,
    ) -> None:
        self.owner, self.plan, self.executor = owner, owner.plan, owner.executor
        self.iteration, self.solve, self.previous = iteration, solve, previous
        self.coupling = coupling.numpy()
        self.shares = [self.executor.share(self.coupling[s]) for s in owner.slices]
        self.cost = np.zeros_like(self.coupling)
        self.strides = strides(self.plan.segments)
        self.moments: dict[int, list[Moments]] = {s: [] for s in self.strides}
        self.losses: list[float] = []
        self.forward_images = 0
        self.states: dict[int, Any] = {}

    def run(self) -> Iteration:
        """Advances through all segments; measuring runs one knot behind, so that nobody waits."""
        state = TrainState.at_rest(self.plan.start)
        measuring: list[tuple[int, list[Pending]]] = []
        for segment in range(self.plan.segments):
            self.states[segment] = self.executor.share(state)
            moving = [
                self.executor.submit(b, "advance", segment, self.states[segment], self.shares[b])
                for b in self.owner.blocks
            ]
            self._collect(measuring)
            measuring = self._measure(segment)
            states = [p.result() for p in moving]
            with torch_threads(self.plan.threads):
                state = average(states, self.owner.masses)
        self._collect(measuring)
        last = self.plan.segments
        self.states[last] = self.executor.share(state)
        self._collect(self._measure(last))
        return self._record(
            [p.result() for p in self.owner.submit_all("evaluate", self.states[last])]
        )

    def _measure(self, knot: int) -> list[tuple[int, list[Pending]]]:
        """Submits every segment that ends at a knot, of each stride; forgets what is behind."""
        calls = [
            (
                stride,
                [
                    self.executor.submit(
                        b,
                        "measure",
                        self.iteration,
                        (knot - stride, knot),
                        self.states[knot - stride],
                        self.states[knot],
                        self.shares[b],
                    )
                    for b in self.owner.blocks
                ],
            )
            for stride in self.strides
            if knot >= stride and knot % stride == 0
        ]
        self.states.pop(knot - self.strides[-1], None)
        return calls

    def _collect(self, measuring: Sequence[tuple[int, Sequence[Pending]]]) -> None:
        """Adds measurements up, tile by tile within a segment and in segment order."""
        for stride, pending in measuring:
            parts: list[Measurement] = [p.result() for p in pending]
            first, second = _total([p.first for p in parts]), _total([p.second for p in parts])
            self.moments[stride].append(Moments(first, second))
            self.forward_images += sum(p.forward_images for p in parts)
            if stride == 1:
                self.losses.append(_total([p.train_loss for p in parts]))
                self.cost += np.concatenate([p.lengths for p in parts if p.lengths is not None])

    def _record(self, evaluations: Sequence[Evaluation]) -> Iteration:
        lengths = path_lengths(self.moments, self.plan.segments)
        n = sum(e.n for e in evaluations)
        change = None
        if self.previous is not None:
            change = abs(lengths.distance - self.previous) / max(lengths.distance, 1e-300)
        return Iteration(
            iteration=self.iteration,
            lengths=lengths,
            change=change,
            solve=self.solve,
            target_accuracy=sum(e.correct for e in evaluations) / n,
            target_loss=sum(e.loss for e in evaluations) / n,
            forward_images=self.forward_images + n,
            device=evaluations[0].device,
            knots=self._knots(),
            coupling=self.coupling,
            cost=self.cost,
        )

    def _knots(self) -> tuple[Knot, ...]:
        m = self.plan.segments
        steps = self.moments[1]
        return tuple(
            Knot(
                knot=knot,
                tau=knot / m,
                segment_length=steps[knot - 1].second ** 0.5 if knot > 0 else None,
                segment_distance=steps[knot - 1].first if knot > 0 else None,
                train_loss=self.losses[knot] if knot < m else None,
            )
            for knot in range(m + 1)
        )


def _solve(step: CouplingStep) -> Solve:
    return Solve(
        converged=step.report.converged,
        marginal_error=step.report.marginal_error,
        sinkhorn_iterations=step.report.iterations,
        effective_partners=step.effective_partners,
        spread=step.spread,
        warning=step.warning,
    )


def _total(tile_sums: Sequence[Float64[np.ndarray, " tiles"]]) -> float:
    """The sum over all tiles, in tile order: the same however they are dealt into blocks."""
    return float(np.concatenate(tile_sums).sum())

"""One trajectory under a fixed coupling, driven segment by segment, and what is measured on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from raytd.engine.block import Evaluation, Measurement, members
from raytd.engine.calls import Executor, Pending
from raytd.engine.devices import torch_threads
from raytd.engine.records import Dealt, Iteration, Knot, Pairs, Plan
from raytd.transfer.lengths import Moments, path_lengths, strides
from raytd.transfer.state import TrainState, average
from raytd.transport.tiles import Tiles


class Crew:
    """The workers of a trial as the coordinator sees them.

    Args:
        plan: the trial.
        tiles: by which the workers were cut.
        executor: runs the workers; under `sync: single` worker B, behind those of the B blocks,
            is the one that advances on the whole coupling.
    """

    def __init__(self, plan: Plan, tiles: Tiles, executor: Executor) -> None:
        self.plan, self.tiles, self.executor = plan, tiles, executor
        self.blocks = range(plan.n_blocks)
        self.masses = [tiles.block_mass(b, plan.n_blocks) for b in self.blocks]
        alone = plan.sync == "single"
        self.movers = [plan.n_blocks] if alone else list(self.blocks)
        self.slices = [tiles.block(b, plan.n_blocks) for b in self.blocks]
        if alone:
            self.slices.append(slice(0, tiles.n_tiles))

    def submit_all(self, method: str, *args: Any) -> list[Pending]:
        """The same call to every block, in block order."""
        return [self.executor.submit(b, method, *args) for b in self.blocks]

    def features(self) -> tuple[Float64[Tensor, "n d"], Float64[Tensor, "m d"]]:
        """What the head sees of every training image under w^s, sources and targets."""
        start = self.executor.share(TrainState.at_rest(self.plan.start))
        tiles, gathered = self.tiles, []
        calls = self.submit_all("features", start)
        for block, (source, target) in enumerate(call.result() for call in calls):
            chosen = self.slices[block]
            gathered.append((members(tiles.rows[chosen], tiles.a[chosen]), source, 0))
            gathered.append((members(tiles.cols[chosen], tiles.b[chosen]), target, 1))
        width = gathered[0][1].shape[1]
        both = [np.empty((n, width)) for n in (tiles.n_source, tiles.n_target)]
        for index, values, side in gathered:
            both[side][index] = values
        return torch.from_numpy(both[0]), torch.from_numpy(both[1])

    def share_states(self, moved: Sequence[TrainState]) -> list[Any]:
        """Handles of the states that the blocks go on from, one a block.

        `knot` averages what the movers reached, by mass in block order; `single` has one mover,
        whose state is everybody's; under `none` each block keeps its own.
        """
        if self.plan.sync == "none":
            return [self.executor.share(state) for state in moved]
        with torch_threads(self.plan.threads):
            state = average(moved, self.masses) if self.plan.sync == "knot" else moved[0]
        return [self.executor.share(state)] * len(self.blocks)

    def advance(self, segment: int, states: Sequence[Any], shares: Sequence[Any]) -> list[Pending]:
        """Starts a segment on every mover."""
        if self.plan.sync == "single":
            states = [states[0]] * (len(self.blocks) + 1)
        return [
            self.executor.submit(m, "advance", segment, states[m], shares[m]) for m in self.movers
        ]


@dataclass
class _Tally:
    """What has been measured so far."""

    cost: Pairs
    moments: dict[int, list[Moments]]
    losses: list[float]
    forward_images: int = 0

    def add(self, stride: int, parts: Sequence[Measurement]) -> None:
        """Adds one segment up, tile by tile in tile order, however tiles are dealt into blocks."""
        first, second = _total([p.first for p in parts]), _total([p.second for p in parts])
        self.moments[stride].append(Moments(first, second))
        self.forward_images += sum(p.forward_images for p in parts)
        if stride == 1:
            self.losses.append(_total([p.train_loss for p in parts]))
            self.cost += np.concatenate([p.lengths for p in parts if p.lengths is not None])


def follow(crew: Crew, iteration: int, dealt: Dealt, previous: float | None) -> Iteration:
    """Runs one trajectory from w^s to the target.

    Args:
        crew: the workers.
        iteration: k.
        dealt: Γ^k on the tiles of the crew.
        previous: distance of the last iteration.
    """
    path = _Path(crew, iteration, dealt.coupling)
    states = path.run()
    evaluations: list[Evaluation] = [
        crew.executor.submit(b, "evaluate", states[b]).result() for b in crew.blocks
    ]
    lengths = path_lengths(path.tally.moments, crew.plan.segments)
    n = sum(e.n for e in evaluations)
    change = None if previous is None else abs(lengths.distance - previous) / lengths.distance
    settled = change is not None and change < crew.plan.tolerance
    return Iteration(
        iteration=iteration,
        last=settled or iteration + 1 == crew.plan.iterations,
        tiles=crew.tiles,
        lengths=lengths,
        change=change,
        solve=dealt.solve,
        target_accuracy=sum(e.correct for e in evaluations) / n,
        target_loss=sum(e.loss for e in evaluations) / n,
        forward_images=path.tally.forward_images + n,
        device=evaluations[0].device,
        knots=_knots(path.tally, crew.plan.segments),
        coupling=dealt.coupling,
        cost=path.tally.cost,
    )


class _Path:
    """The calls of one trajectory: advancing leads, measuring runs one knot behind."""

    def __init__(self, crew: Crew, iteration: int, coupling: Pairs) -> None:
        self.crew, self.iteration = crew, iteration
        self.shares = [crew.executor.share(coupling[s]) for s in crew.slices]
        self.strides = strides(crew.plan.segments)
        self.tally = _Tally(np.zeros_like(coupling), {s: [] for s in self.strides}, [])
        self.states: dict[int, list[Any]] = {}

    def run(self) -> list[Any]:
        """Advances through all segments and measures them; the states at the end, one a block."""
        crew, last = self.crew, self.crew.plan.segments
        start = TrainState.at_rest(crew.plan.start)
        self.states[0] = [crew.executor.share(start)] * len(crew.blocks)
        measuring: list[tuple[int, list[Pending]]] = []
        for segment in range(last):
            moving = crew.advance(segment, self.states[segment], self.shares)
            self._collect(measuring)
            measuring = self._measure(segment)
            self.states[segment + 1] = crew.share_states([p.result() for p in moving])
        self._collect(measuring)
        self._collect(self._measure(last))
        return self.states[last]

    def _measure(self, knot: int) -> list[tuple[int, list[Pending]]]:
        """Submits every segment that ends at a knot, of each stride; forgets what is behind."""
        calls = [
            (stride, [self._measure_block(b, knot - stride, knot) for b in self.crew.blocks])
            for stride in self.strides
            if knot >= stride and knot % stride == 0
        ]
        self.states.pop(knot - self.strides[-1], None)
        return calls

    def _measure_block(self, block: int, start: int, end: int) -> Pending:
        states = self.states[start][block], self.states[end][block]
        knots, share = (start, end), self.shares[block]
        return self.crew.executor.submit(block, "measure", self.iteration, knots, *states, share)

    def _collect(self, measuring: Sequence[tuple[int, Sequence[Pending]]]) -> None:
        for stride, pending in measuring:
            self.tally.add(stride, [p.result() for p in pending])


def _knots(tally: _Tally, segments: int) -> tuple[Knot, ...]:
    steps = tally.moments[1]
    return tuple(
        Knot(
            knot=knot,
            tau=knot / segments,
            segment_length=steps[knot - 1].second ** 0.5 if knot > 0 else None,
            segment_distance=steps[knot - 1].first if knot > 0 else None,
            train_loss=tally.losses[knot] if knot < segments else None,
        )
        for knot in range(segments + 1)
    )


def _total(tile_sums: Sequence[Float64[np.ndarray, " tiles"]]) -> float:
    return float(np.concatenate(tile_sums).sum())

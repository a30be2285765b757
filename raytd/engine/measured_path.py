"""One trajectory under a fixed coupling, driven segment by segment, and what is measured on it."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from raytd.engine.block import Evaluation, members
from raytd.engine.executor_protocol import Executor, Pending
from raytd.engine.measurements import Halfway, Tally
from raytd.engine.records import Dealt, Iteration, Knot, Pairs, Plan
from raytd.learning.devices import torch_threads
from raytd.transfer.averaging import AveragedPath, Moved, average_moved
from raytd.transfer.diagnostics import integral
from raytd.transfer.lengths import Lengths, open_knots, path_lengths, starts, strides
from raytd.transfer.state import TrainState, Weights
from raytd.transfer.validation import class_masses
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
        start = self.executor.share(self.plan.start)
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

    def class_masses(self, coupling: Pairs) -> Float64[np.ndarray, "classes classes"]:
        """Mass of every pair of outputs under a coupling on the tiles."""
        tiles, (source, target) = self.tiles, self.plan.labels
        rows = np.broadcast_to(source[tiles.rows.numpy()][:, :, None], coupling.shape)
        cols = np.broadcast_to(target[tiles.cols.numpy()][:, None, :], coupling.shape)
        return class_masses(coupling, rows, cols, self.plan.n_classes)

    def gather(self, moving: list[Pending]) -> list[Moved]:
        """What the blocks go on from, one for all or one a block; uses up the calls.

        `knot` averages what the movers reached, by mass in block order; `single` has one mover,
        whose state is everybody's; under `none` each block keeps its own.
        """
        moved = (moving.pop(0).result() for _ in range(len(moving)))  # none is held for longer
        if self.plan.sync != "knot":
            return list(moved)
        with torch_threads(self.plan.threads):
            return [average_moved(moved, self.masses)]

    def share_one_each(self, values: Sequence[TrainState | Weights]) -> list[Any]:
        """Handles of states or weights, one a block; a single one is everybody's."""
        handles = [self.executor.share(value) for value in values]
        return handles * len(self.blocks) if len(handles) == 1 else handles

    def fetch_one_each(self, handles: Sequence[Any]) -> list[Any]:
        """What was shared, one for all or one a block."""
        own = handles if self.plan.sync == "none" else handles[:1]
        return [self.executor.fetch(handle) for handle in own]

    def move(
        self, method: str, where: int, states: Sequence[Any], shares: Sequence[Any]
    ) -> list[Pending]:
        """Starts SGD on every mover: `advance` through a segment, or `stay` at a knot."""
        if self.plan.sync == "single":
            states = [states[0]] * (len(self.blocks) + 1)
        return [self.executor.submit(m, method, where, states[m], shares[m]) for m in self.movers]


Keep = Callable[[int, Callable[[], Halfway]], None]
"""Is told at each knot which segment comes next, and how to get what it takes to go on there."""


def follow(
    crew: Crew,
    dealt: Dealt,
    records: Sequence[Iteration],
    *,
    halfway: Halfway | None = None,
    keep: Keep = lambda *_: None,
) -> Iteration:
    """Runs one trajectory from w^s to the target.

    Args:
        crew: the workers.
        dealt: Γ^k on the tiles of the crew.
        records: of the k iterations before.
        halfway: where the trajectory goes on; None begins it.
        keep: called at each knot.
    """
    iteration = len(records)
    plan, path = crew.plan, _Path(crew, iteration, dealt.coupling, halfway)
    at_end = path.run(keep)
    evaluations = _evaluate(crew, at_end)
    averaged = plan.averaging != "none"
    moving = _evaluate(crew, path.moved_to()) if averaged else evaluations
    tally = path.tally
    lengths = path_lengths(tally.moments, plan.segments)
    change = _change(plan, lengths, records)
    settled = change is not None and change < plan.tolerance
    last = settled or iteration + 1 == plan.iterations
    gaps = path.tracking_gaps() if last else {}
    n = sum(e.n for e in evaluations)
    n_evaluated = 2 * n if averaged else n
    knots = _knots(tally, gaps)
    return Iteration(
        iteration=iteration,
        last=last,
        averaging=plan.averaging,
        tiles=crew.tiles,
        lengths=lengths,
        moments={stride: tuple(moments) for stride, moments in tally.moments.items()},
        fisher_rao_norm_integral=_known(integral(tally.norms, [k.tau for k in knots])),
        change=change,
        solve=dealt.solve,
        target_accuracy=sum(e.correct for e in evaluations) / n,
        target_loss=sum(e.loss for e in evaluations) / n,
        moving_accuracy=sum(e.correct for e in moving) / n,
        forward_images=tally.forward_images + n_evaluated,
        device=evaluations[0].device,
        knots=knots,
        coupling=dealt.coupling,
        cost=tally.cost,
    )


def _evaluate(crew: Crew, weights: Sequence[Any]) -> list[Evaluation]:
    """What the blocks find on their validation images of the target, under weights one a block."""
    asked = [crew.executor.submit(b, "evaluate", weights[b]) for b in crew.blocks]
    return [call.result() for call in asked]


def _change(plan: Plan, lengths: Lengths, records: Sequence[Iteration]) -> float | None:
    """Relative change of the watched length; None in the first iteration.

    A noise-free length can fall to 0; that counts as a change of all of it.
    """
    if not records:
        return None
    now, before = (getattr(each, plan.watched) for each in (lengths, records[-1].lengths))
    if now == before:
        return 0.0
    return float(abs(now - before) / now) if now > 0 else 1.0


class _Path:
    """The calls of one trajectory: advancing leads, measuring runs one knot behind.

    Beside the states that move, it keeps the weights that are measured at knots where segments
    still start, and the means of the last fifth of the segments, two copies of the weights for
    each: M / 5 segments in all, for every block apart under `sync: none`.
    """

    def __init__(
        self, crew: Crew, iteration: int, coupling: Pairs, halfway: Halfway | None
    ) -> None:
        plan = crew.plan
        self.crew, self.iteration = crew, iteration
        self.shares = [crew.executor.share(coupling[s]) for s in crew.slices]
        self.strides = strides(plan.segments)
        if halfway is None:
            weights = plan.validation.weights(crew.class_masses(coupling))
            tally = Tally(np.zeros_like(coupling), {s: [] for s in self.strides}, weights)
            n_paths = len(crew.blocks) if plan.sync == "none" else 1
            states = {0: [TrainState.at_rest(plan.start)]}
            halfway = Halfway(0, tally, states, {}, [{} for _ in range(n_paths)])
        self.first, self.tally = halfway.segment, halfway.tally
        self.states = {k: crew.share_one_each(s) for k, s in halfway.states.items()}
        measured = {0: [plan.start], **halfway.measured}
        self.measured = {k: crew.share_one_each(w) for k, w in measured.items()}
        self.paths = [
            AveragedPath(plan.start, plan.averaging, plan.segments, means)
            for means in halfway.means
        ]
        self._fifths = range(plan.segments // 5, plan.segments + 1, plan.segments // 5)

    def run(self, keep: Keep) -> list[Any]:
        """Advances through all segments and measures them; what is measured at the end."""
        crew, last = self.crew, self.crew.plan.segments
        measuring: list[tuple[int, list[Pending]]] = []
        probing: list[Pending] = []
        for segment in range(self.first, last):
            moving = crew.move("advance", segment, self.states[segment], self.shares)
            self._collect(measuring, probing)
            if segment > self.first:
                keep(segment, lambda: self._halfway(segment))  # noqa: B023 - called at once
            measuring, probing = self._measure(segment)
            self._arrive(segment + 1, crew.gather(moving))
        self._collect(measuring, probing)
        self._collect(*self._measure(last))
        self.tally.losses.append(self._losses({last: self.measured[last]})[last])
        return self.measured[last]

    def moved_to(self) -> list[Any]:
        """The weights that SGD stands at in the end."""
        states = self.crew.fetch_one_each(self.states[self.crew.plan.segments])
        return self.crew.share_one_each([state.weights for state in states])

    def tracking_gaps(self) -> dict[int, float]:
        """At every fifth of the path: the loss less what it is after a few steps more.

        Both are of the weights that move: those that are averaged lag behind by their window, too.
        """
        crew, before = self.crew, self.tally.losses
        moving = {k: crew.move("stay", k, self.states[k], self.shares) for k in self._fifths}
        after = {k: [m.state for m in crew.gather(calls)] for k, calls in moving.items()}
        if crew.plan.averaging == "none":
            at_knots = {k: before[k] for k in self._fifths}
        else:
            at_knots = self._losses_of({k: crew.fetch_one_each(self.states[k]) for k in after})
        stayed = self._losses_of(after)
        return {k: at_knots[k] - stayed[k] for k in self._fifths}

    def _arrive(self, knot: int, moved: Sequence[Moved]) -> None:
        """Takes what the movers reached, and forgets what is not gone on from."""
        crew, kept = self.crew, {knot, *self._fifths}
        self.states[knot] = crew.share_one_each([m.state for m in moved])
        self.states = {k: s for k, s in self.states.items() if k in kept}
        if crew.plan.averaging == "none":
            self.measured[knot] = crew.share_one_each([m.state.weights for m in moved])
        for path, each in zip(self.paths, moved, strict=True):
            if each.means is not None:
                path.add(knot - 1, each.means)

    def _halfway(self, segment: int) -> Halfway:
        """What it takes to go on with a segment, before anything is measured at its start."""
        states, measured = (
            {knot: self.crew.fetch_one_each(h) for knot, h in handles.items() if knot > 0}
            for handles in (self.states, self.measured)
        )
        return Halfway(segment, self.tally, states, measured, [path.means for path in self.paths])

    def _losses_of(self, states: Mapping[int, Sequence[TrainState]]) -> dict[int, float]:
        """Training losses of states, one for all or one a block, each at its knot."""
        share = self.crew.share_one_each
        return self._losses({k: share([each.weights for each in s]) for k, s in states.items()})

    def _losses(self, weights: Mapping[int, Sequence[Any]]) -> dict[int, float]:
        """Training losses of weights that are shared, each at its knot."""
        submit = self.crew.executor.submit
        calls = {
            knot: [submit(b, "train_loss", knot, w[b], self.shares[b]) for b in self.crew.blocks]
            for knot, w in weights.items()
        }
        return {k: self.tally.add_loss([p.result() for p in c]) for k, c in calls.items()}

    def _measure(self, knot: int) -> tuple[list[tuple[int, list[Pending]]], list[Pending]]:
        """Submits what is measured at a knot: every segment that ends there, and its probes."""
        crew = self.crew
        if knot not in self.measured:
            with torch_threads(crew.plan.threads):
                weights = [path.weights(knot) for path in self.paths]
            self.measured[knot] = crew.share_one_each(weights)
        calls = [
            (stride, [self._measure_block(b, knot - stride, knot) for b in crew.blocks])
            for stride in self.strides
            if knot - stride in starts(stride, crew.plan.segments)
        ]
        probes = [
            crew.executor.submit(b, "probe", knot, self.measured[knot][b]) for b in crew.blocks
        ]
        kept = {knot, *open_knots(knot + 1, crew.plan.segments)}
        self.measured = {k: w for k, w in self.measured.items() if k in kept}
        return calls, probes

    def _measure_block(self, block: int, start: int, end: int) -> Pending:
        weights = self.measured[start][block], self.measured[end][block]
        knots, share = (start, end), self.shares[block]
        return self.crew.executor.submit(block, "measure", self.iteration, knots, *weights, share)

    def _collect(
        self, measuring: Sequence[tuple[int, Sequence[Pending]]], probing: Sequence[Pending]
    ) -> None:
        for stride, pending in measuring:
            self.tally.add(stride, [p.result() for p in pending])
        if probing:
            self.tally.add_probes([p.result() for p in probing])


def _knots(tally: Tally, gaps: Mapping[int, float]) -> tuple[Knot, ...]:
    steps, segments = tally.moments[1], len(tally.moments[1])
    return tuple(
        Knot(
            knot=knot,
            tau=knot / segments,
            segment_length=steps[knot - 1].second ** 0.5 if knot > 0 else None,
            segment_distance=steps[knot - 1].first if knot > 0 else None,
            train_loss=tally.losses[knot],
            val_loss=tally.val_losses[knot],
            generalisation_gap=tally.val_losses[knot] - tally.losses[knot],
            tracking_gap=gaps.get(knot),
            fisher_rao_norm=_known(tally.norms[knot]),
        )
        for knot in range(segments + 1)
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value

"""The coordinator: averages weights, adds up costs, solves the coupling step, decides convergence.

It never touches an image: it sends states and couplings to the blocks' workers and gets states,
lengths, features and counts back. What it adds up, it adds up in the order of blocks and tiles, so
the answer does not depend on where the workers are or how many share a machine.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from raytd.engine.block import BlockSetup
from raytd.engine.checkpoints import Checkpoints, CheckpointSettings, Snapshot
from raytd.engine.coupling_rule import rule_of
from raytd.engine.executor_protocol import Executor
from raytd.engine.measured_path import Crew, follow
from raytd.engine.measurements import Halfway
from raytd.engine.records import Dealt, Iteration, Plan
from raytd.learning.devices import torch_threads
from raytd.learning.places import OnPlace, unheard
from raytd.transport.tiles import Tiles

Cut = Callable[[Tiles], Sequence[BlockSetup]]
"""Cuts the images of a trial into what each worker gets under some tiles."""

Tell = Callable[[str], None]
"""Is called with what the user should know of a trial, one line each."""


@dataclass(frozen=True)
class Step:
    """What one call of a coordinator brought.

    Attributes:
        records: iterations that ended, in order; in front those of a checkpoint.
        tiles: by which the workers are to be cut before the next call; None leaves them.
        notes: what the user should know.
    """

    records: tuple[Iteration, ...] = ()
    tiles: Tiles | None = None
    notes: tuple[str, ...] = ()


class Coordination(Protocol):
    """A coordinator, in this process or another.

    Whoever calls it has the images: tiles that it returns are to be cut and given to the workers
    before the next call.
    """

    def resume(self) -> Step:
        """Finds the checkpoint of the trial; the iterations that it holds."""

    def start(self, executor: Executor) -> Step:
        """Chooses Γ^0 with workers that were cut by `plan.tiles`, unless a checkpoint did."""

    def iterate(self, executor: Executor) -> Step:
        """Runs a trajectory, or what is left of it, and the coupling step behind it."""

    @property
    def tiles(self) -> Tiles:
        """By which the first workers are cut."""


class Coordinator:
    """Runs the iterations of one trial, one call each; see `Coordination`.

    Args:
        plan: the trial.
        checkpoints: where they lie; None writes none.
        on_place: called when the place changes.

    Attributes:
        place: iteration and segment that are under way; may be read from another thread.
    """

    def __init__(
        self,
        plan: Plan,
        checkpoints: CheckpointSettings | None = None,
        on_place: OnPlace = unheard,
    ) -> None:
        self.plan, self.place, self._on_place = plan, (0, 0), on_place
        self._checkpoints = None if checkpoints is None else Checkpoints(checkpoints, plan)
        self._rule = rule_of(plan)
        self._records: tuple[Iteration, ...] = ()
        self._dealt: Dealt | None = None
        self._halfway: Halfway | None = None
        self._notes: list[str] = []

    @property
    def tiles(self) -> Tiles:
        """Those of the plan."""
        return self.plan.tiles

    def resume(self) -> Step:
        """Goes back to the newest checkpoint that can be used."""
        found, notes = self._checkpoints.load() if self._checkpoints else (None, [])
        if found is None:
            return Step(notes=tuple(notes))
        self._records, self._dealt, self._halfway = found.records, found.dealt, found.halfway
        self._reach(self._halfway.segment if self._halfway else 0)
        self._rule.recall(found.memory)
        return Step(found.records, found.dealt.tiles, tuple(notes))

    def start(self, executor: Executor) -> Step:
        """Chooses Γ^0."""
        crew = Crew(self.plan, self.plan.tiles, executor)
        with torch_threads(self.plan.threads):
            self._dealt = self._rule.first(crew)
        return self._end((), self.plan.tiles)

    def iterate(self, executor: Executor) -> Step:
        """Runs a trajectory and the coupling step behind it."""
        assert self._dealt is not None
        self._reach(self._halfway.segment if self._halfway else 0)
        record = follow(
            Crew(self.plan, self._dealt.tiles, executor),
            self._dealt,
            self._records,
            halfway=self._halfway,
            keep=self._keep,
        )
        self._halfway = None
        self._records = (*self._records, record)
        if record.last:
            return Step((record,), None, self._told())
        with torch_threads(self.plan.threads):
            self._dealt = self._rule.next(record)
        return self._end((record,), record.tiles)

    def _end(self, records: tuple[Iteration, ...], old: Tiles) -> Step:
        """Writes a checkpoint and answers."""
        assert self._dealt is not None
        if self._checkpoints is not None:
            self._notes += self._checkpoints.save(self._snapshot(None))
        tiles = None if self._dealt.tiles is old else self._dealt.tiles
        return Step(records, tiles, self._told())

    def _keep(self, segment: int, halfway: Callable[[], Halfway]) -> None:
        self._reach(segment)
        if self._checkpoints is not None:
            self._notes += self._checkpoints.save_if_due(segment, lambda: self._snapshot(halfway()))

    def _reach(self, segment: int) -> None:
        self.place = (len(self._records), segment)
        self._on_place(self.place)

    def _snapshot(self, halfway: Halfway | None) -> Snapshot:
        assert self._dealt is not None
        return Snapshot(self._records, self._dealt, self._rule.memory(), halfway)

    def _told(self) -> tuple[str, ...]:
        notes, self._notes = tuple(self._notes), []
        return notes


def iterations(
    coordinator: Coordination,
    cut: Cut,
    make_executor: Callable[[Sequence[BlockSetup]], Executor],
    *,
    tell: Tell = lambda _: None,
) -> Iterator[Iteration]:
    """Runs a trial from its checkpoint, or from the start, to its end.

    Args:
        coordinator: of the trial.
        cut: cuts the images for the workers.
        make_executor: makes the workers that are cut.
        tell: called with what the user should know.
    """
    step = coordinator.resume()
    yield from _passed_on(step, tell)
    executor = make_executor(cut(step.tiles or coordinator.tiles))
    if step.tiles is None:
        step = coordinator.start(executor)
        yield from _passed_on(step, tell)
        if step.tiles is not None:
            executor = make_executor(cut(step.tiles))
    while not (step.records and step.records[-1].last):
        step = coordinator.iterate(executor)
        yield from _passed_on(step, tell)
        if step.tiles is not None:
            executor = make_executor(cut(step.tiles))


def _passed_on(step: Step, tell: Tell) -> Iterator[Iteration]:
    for note in step.notes:
        tell(note)
    yield from step.records

"""The coordinator: averages weights, adds up costs, solves the coupling step, decides convergence.

It never touches an image: it sends states and couplings to the blocks' workers and gets states,
lengths, features and counts back. What it adds up, it adds up in the order of blocks and tiles, so
the answer does not depend on where the workers are or how many share a machine.
"""

from collections.abc import Callable, Iterator, Sequence

from raytd.engine.block import BlockSetup
from raytd.engine.calls import Executor
from raytd.engine.devices import torch_threads
from raytd.engine.follow import Crew, follow
from raytd.engine.records import Dealt, Iteration, Plan
from raytd.engine.rules import rule_of
from raytd.transport.tiles import Tiles

Cut = Callable[[Tiles], Sequence[BlockSetup]]
"""Cuts the images of a trial into what each worker gets under some tiles."""


class Coordinator:
    """Runs the iterations of one trial, one call each.

    Whoever calls it has the images: tiles that it returns are to be cut and given to the workers
    before the next call.

    Args:
        plan: the trial.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._rule = rule_of(plan)
        self._dealt: Dealt | None = None
        self._previous: float | None = None
        self._iteration = 0

    def start(self, executor: Executor) -> Tiles | None:
        """Chooses Γ^0 with workers that were cut by `plan.tiles`; new tiles, if there are."""
        crew = Crew(self.plan, self.plan.tiles, executor)
        with torch_threads(self.plan.threads):
            self._dealt = self._rule.first(crew)
        return self._new_tiles(self.plan.tiles)

    def iterate(self, executor: Executor) -> tuple[Iteration, Tiles | None]:
        """Runs a trajectory and the coupling step behind it; new tiles, if there are."""
        assert self._dealt is not None
        crew = Crew(self.plan, self._dealt.tiles, executor)
        record = follow(crew, self._iteration, self._dealt, self._previous)
        if record.last:
            return record, None
        self._iteration += 1
        self._previous = record.lengths.distance
        with torch_threads(self.plan.threads):
            self._dealt = self._rule.next(record)
        return record, self._new_tiles(record.tiles)

    def _new_tiles(self, old: Tiles) -> Tiles | None:
        assert self._dealt is not None
        return None if self._dealt.tiles is old else self._dealt.tiles


def iterations(
    plan: Plan,
    cut: Cut,
    make_executor: Callable[[Sequence[BlockSetup]], Executor],
) -> Iterator[Iteration]:
    """Runs a plan with a coordinator in this process, on executors that `make_executor` makes."""
    coordinator = Coordinator(plan)
    executor = make_executor(cut(plan.tiles))
    tiles = coordinator.start(executor)
    while True:
        if tiles is not None:
            executor = make_executor(cut(tiles))
        record, tiles = coordinator.iterate(executor)
        yield record
        if record.last:
            return

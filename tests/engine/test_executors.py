"""The promise: whoever does the work, however often it is killed, the bits are the same."""

import copy
import os
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import ray
from ray.exceptions import RayTaskError

from raytd.engine.block import BlockSetup
from raytd.engine.config import TilingConfig, TrajectoryConfig
from raytd.engine.coordinator import Coordinator, iterations
from raytd.engine.executor import run_in_process
from raytd.engine.on_ray.executor import Limits, RayCall, RayExecutor, local_cause
from raytd.engine.on_ray.pool import ActorPool
from raytd.engine.records import Iteration
from raytd.engine.setup.context import Pair
from raytd.engine.setup.prepare import Prepared, prepare
from raytd.errors import NotFiniteError, WorkerLostError
from raytd.learning.sources import SourceCache
from raytd.transport.tiles import Tiles
from tests.cases import for_each
from tests.conftest import make_context
from tests.engine.trials import assert_same_bits, coupled_trial

pytestmark = pytest.mark.ray


@dataclass(frozen=True)
class Trial:
    """A trial, and what it comes to in one process."""

    prepared: Prepared
    undisturbed: list[Iteration]


@pytest.fixture(scope="module")
def trials(tiny_pair: Pair, sources: SourceCache, short: TrajectoryConfig) -> dict[str, Trial]:
    """One for each support; under `global`, each iteration has other tiles and executors."""
    found = {}
    for support in ("blocks", "global"):
        prepared = coupled_trial(tiny_pair, sources, short, support=support)
        found[support] = Trial(prepared, list(run_in_process(prepared.plan, prepared.cut)))
    return found


@pytest.fixture
def trial(trials: dict[str, Trial]) -> Trial:
    return trials["global"]


def test_one_actor_gives_the_bits_of_one_process(two_actors: ActorPool, trial: Trial) -> None:
    one_actor = copy.copy(two_actors)
    one_actor.hosts = two_actors.hosts[:1]
    there = one_actor.launch(trial.prepared.plan, trial.prepared.cut)
    assert_same_bits(list(there), trial.undisturbed)


def test_actors_give_the_same_bits_when_one_worker_moves_for_all_and_in_bfloat16(
    two_actors: ActorPool, tiny_pair: Pair, sources: SourceCache, short: TrajectoryConfig
) -> None:
    for precision in ("float32", "bfloat16"):
        changed = short.model_copy(update={"sync": "single", "precision": precision})
        context = make_context(sources, changed)
        single = prepare(tiny_pair, context, TilingConfig(tile_size=5, blocks=2))
        (here,) = run_in_process(single.plan, single.cut)
        (there,) = two_actors.launch(single.plan, single.cut)
        assert here.lengths == there.lengths
        np.testing.assert_array_equal(here.cost, there.cost)


def test_two_actors_give_the_bits_of_one_process_however_often_they_are_used(
    two_actors: ActorPool, trials: dict[str, Trial]
) -> None:
    pids = []
    for support in ("blocks", "global", "blocks"):
        trial = trials[support]
        there = two_actors.launch(trial.prepared.plan, trial.prepared.cut)
        assert_same_bits(list(there), trial.undisturbed)
        pids.append(ray.get([host.pid.remote() for host in two_actors.hosts]))
    assert pids[0] == pids[1] == pids[2]


def test_three_blocks_on_two_actors_give_the_bits_of_one_process(
    two_actors: ActorPool, pair: Pair, sources: SourceCache, short: TrajectoryConfig
) -> None:
    prepared = coupled_trial(pair, sources, short, n_blocks=3)
    assert [RayExecutor([0, 1], [0] * 3).host_of(block) for block in range(3)] == [0, 0, 1]
    here = list(run_in_process(prepared.plan, prepared.cut))
    made: list[Counting] = []

    def make_executor(setups: Sequence[BlockSetup]) -> Counting:
        made.append(Counting(two_actors.hosts, [ray.put(setup) for setup in setups]))
        made[-1].build()
        return made[-1]

    assert_same_bits(
        list(iterations(Coordinator(prepared.plan), prepared.cut, make_executor)), here
    )
    assert_same_bits(list(two_actors.launch(prepared.plan, prepared.cut)), here)
    # Setups are sent once, and every call sends numbers and references.
    (executor,) = made
    assert executor.built == [0, 1]
    numbers = [each for each in executor.sent if not isinstance(each, ray.ObjectRef)]
    assert len(numbers) < len(executor.sent)
    flat = [n for each in numbers for n in (each if isinstance(each, tuple) else (each,))]
    assert {type(number) for number in flat} == {int}


class Counting(RayExecutor):
    """Remembers what it sends."""

    def __init__(self, hosts: Sequence[Any], setups: Sequence[Any]) -> None:
        super().__init__(hosts, setups)
        self.built: list[int] = []
        self.sent: list[Any] = []

    def submit(self, block: int, method: str, *args: Any) -> RayCall:
        self.sent += args
        return super().submit(block, method, *args)

    def _build_host(self, host: int) -> None:
        self.built.append(host)
        super()._build_host(host)


@dataclass
class Murderous:
    """A Ray executor that kills a block's actor as soon as certain calls are under way.

    Attributes:
        inner: makes the calls.
        left: method and number, from 0, of those that are still to come.
        seen: how often each method was called.
    """

    inner: RayExecutor
    left: set[tuple[str, int]]
    seen: Counter[str] = field(default_factory=Counter)

    def share(self, value: Any) -> Any:
        return self.inner.share(value)

    def fetch(self, handle: Any) -> Any:
        return self.inner.fetch(handle)

    def submit(self, block: int, method: str, *args: Any) -> RayCall:
        if block != 1:
            return self.inner.submit(block, method, *args)
        this = method, self.seen[method]
        self.seen[method] += 1
        if this not in self.left:
            return self.inner.submit(block, method, *args)
        pid = ray.get(self.inner.hosts[self.inner.host_of(block)].pid.remote())
        call = self.inner.submit(block, method, *args)
        os.kill(pid, signal.SIGKILL)
        self.left.remove(this)
        return call


@for_each("support", ["blocks", "global"])
def test_a_killed_block_actor_changes_nothing(
    support: str, two_actors: ActorPool, trials: dict[str, Trial]
) -> None:
    """In whichever call it is killed, and in two calls one after the other."""
    trial = trials[support]
    calls = {("measure", 9)}
    if support == "global":
        calls |= {("features", 0), ("advance", 4), ("advance", 5)}

    def make_executor(setups: Sequence[BlockSetup]) -> Murderous:
        executor = RayExecutor(two_actors.hosts, [ray.put(s) for s in setups])
        executor.build()
        return Murderous(executor, calls)

    coordinator = Coordinator(trial.prepared.plan)
    disturbed = list(iterations(coordinator, trial.prepared.cut, make_executor))
    assert not calls
    assert_same_bits(disturbed, trial.undisturbed)


class DoomedCall(RayCall):
    """Kills the actor under a call, and again under the same call when it is repeated."""

    def _start(self) -> None:
        executor = self.executor
        assert isinstance(executor, Doomed)
        pid = ray.get(executor.hosts[executor.host_of(self.block)].pid.remote())
        super()._start()
        if executor.kills < 2:
            os.kill(pid, signal.SIGKILL)
            executor.kills += 1


class Doomed(RayExecutor):
    """Dooms one call of a block."""

    kills, before = 0, 7

    def submit(self, block: int, method: str, *args: Any) -> RayCall:
        if method == "advance" and block == 1:
            self.before -= 1
            if self.before == 0:
                return DoomedCall(self, block, method, args)
        return super().submit(block, method, *args)


def test_a_call_whose_actor_is_killed_again_when_it_is_repeated_changes_nothing(
    two_actors: ActorPool, trials: dict[str, Trial]
) -> None:
    made: list[Doomed] = []
    trial = trials["blocks"]

    def make_executor(setups: Sequence[BlockSetup]) -> Doomed:
        made.append(Doomed(two_actors.hosts, [ray.put(s) for s in setups]))
        made[-1].build()
        return made[-1]

    coordinator = Coordinator(trial.prepared.plan)
    disturbed = list(iterations(coordinator, trial.prepared.cut, make_executor))
    assert_same_bits(disturbed, trial.undisturbed)
    for executor in made:
        called = executor.before <= 0
        assert executor.kills == 2 * called
        assert [note[:22] for note in executor.notes] == ["block actor 1 was lost"] * 2 * called
    assert any(executor.kills for executor in made)


class Poison:
    """Ends the process that receives it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (1,)


def test_a_call_whose_actor_is_lost_every_time_is_given_up(
    two_actors: ActorPool, trial: Trial
) -> None:
    setups = [ray.put(s) for s in trial.prepared.cut(trial.prepared.plan.tiles)]
    executor = RayExecutor(two_actors.hosts, setups, limits=Limits(attempts=2))
    executor.build()
    call = executor.submit(1, "evaluate", Poison())
    with pytest.raises(WorkerLostError, match="block 1: its actor was lost 2 times in evaluate"):
        call.result()


def test_the_error_of_a_worker_reaches_the_caller_as_itself(
    two_actors: ActorPool, trial: Trial
) -> None:
    def wild(tiles: Tiles) -> list[BlockSetup]:
        return [setup.moving(lr=1e30) for setup in trial.prepared.cut(tiles)]

    with pytest.raises(RayTaskError) as caught:
        list(two_actors.launch(trial.prepared.plan, wild))
    cause = local_cause(caught.value)
    assert isinstance(cause, NotFiniteError)
    assert "block 0, segment 1" in str(cause)  # its weights are infinite after the step of 0

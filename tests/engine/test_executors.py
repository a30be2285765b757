"""The promise: whoever does the work, however often it is killed, the bits are the same."""

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import ray
import torch
from ray.exceptions import RayTaskError

from raytd.engine.block import BlockSetup
from raytd.engine.config import TrajectoryConfig
from raytd.engine.context import Pair
from raytd.engine.coordinator import Coordinator, iterations
from raytd.engine.executor import run_in_process
from raytd.engine.prepare import Prepared, deal, prepare
from raytd.engine.ray_calls import Limits, RayCall, RayExecutor, local_cause
from raytd.engine.ray_executor import ActorPool, ActorShape
from raytd.engine.records import CouplingSettings, Iteration
from raytd.engine.sources import SourceCache
from raytd.errors import NotFiniteError, WorkerLostError
from raytd.transport.tiles import Tiles
from tests.conftest import make_context

pytestmark = pytest.mark.ray

N_BLOCKS = 2


@pytest.fixture(scope="module", params=["blocks", "global"])
def prepared(
    request: pytest.FixtureRequest,
    pair: Pair,
    sources: SourceCache,
    small_trajectory: TrajectoryConfig,
) -> Prepared:
    context = make_context(sources, small_trajectory)
    settings = CouplingSettings(0.5, 20.0, "kl", "spread", 1e-8, 5000, request.param, 5)
    tiles = deal(pair, tile_size=5, n_blocks=N_BLOCKS, dealing="random")
    return prepare(pair, context, tiles, iterations=2, coupling=settings)


@pytest.fixture(scope="module")
def undisturbed(prepared: Prepared) -> list[Iteration]:
    return list(run_in_process(prepared.plan, prepared.cut))


def assert_same_bits(left: Sequence[Iteration], right: Sequence[Iteration]) -> None:
    assert len(left) == len(right) == 2
    for one, other in zip(left, right, strict=True):
        assert one.lengths == other.lengths
        np.testing.assert_array_equal(one.cost, other.cost)
        np.testing.assert_array_equal(one.coupling, other.coupling)
        assert one.knots == other.knots
        assert torch.equal(one.tiles.rows, other.tiles.rows)
        assert one.solve == other.solve
        assert one.target_loss == other.target_loss
        assert one.forward_images == other.forward_images


def make_pool(n_actors: int) -> Iterator[ActorPool]:
    """Block actors on the session's cluster, each with half a logical GPU, and the coordinator."""
    made = ActorPool(ActorShape(n_actors, cpus=0.5, gpus=0.5))
    yield made
    made.close()


@pytest.fixture(scope="module")
def one_actor(ray_cluster: None) -> Iterator[ActorPool]:
    yield from make_pool(1)


@pytest.fixture(scope="module")
def two_actors(ray_cluster: None) -> Iterator[ActorPool]:
    yield from make_pool(2)


def test_one_actor_gives_the_bits_of_one_process(
    one_actor: ActorPool, prepared: Prepared, undisturbed: list[Iteration]
) -> None:
    assert_same_bits(list(one_actor.launch(prepared.plan, prepared.cut)), undisturbed)


@pytest.mark.parametrize("change", [{"sync": "single"}, {"precision": "bfloat16"}])
def test_actors_give_the_same_bits_when_one_worker_moves_for_all_and_in_bfloat16(
    change: dict[str, str],
    two_actors: ActorPool,
    pair: Pair,
    sources: SourceCache,
    small_trajectory: TrajectoryConfig,
) -> None:
    changed = small_trajectory.model_copy(update=change)
    tiles = deal(pair, tile_size=5, n_blocks=N_BLOCKS, dealing="random")
    context = make_context(sources, changed)
    single = prepare(pair, context, tiles, iterations=1, coupling=None)
    (here,) = run_in_process(single.plan, single.cut)
    (there,) = two_actors.launch(single.plan, single.cut)
    assert here.lengths == there.lengths
    np.testing.assert_array_equal(here.cost, there.cost)


def test_two_actors_give_the_bits_of_one_process_however_often_they_are_used(
    two_actors: ActorPool, prepared: Prepared, undisturbed: list[Iteration]
) -> None:
    first = list(two_actors.launch(prepared.plan, prepared.cut))
    pids = {ray.get(host.pid.remote()) for host in two_actors.hosts}
    second = list(two_actors.launch(prepared.plan, prepared.cut))
    assert {ray.get(host.pid.remote()) for host in two_actors.hosts} == pids
    assert_same_bits(first, undisturbed)
    assert_same_bits(second, undisturbed)


@dataclass
class Murderous:
    """A Ray executor that kills a block's actor as soon as certain calls are under way."""

    inner: RayExecutor
    method: str
    at: list[int]
    seen: int = 0
    kills: int = 0

    def share(self, value: Any) -> Any:
        return self.inner.share(value)

    def fetch(self, handle: Any) -> Any:
        return self.inner.fetch(handle)

    def submit(self, block: int, method: str, *args: Any) -> RayCall:
        host = self.inner.hosts[self.inner.host_of(block)]
        pid = ray.get(host.pid.remote()) if method == self.method and block == 1 else None
        call = self.inner.submit(block, method, *args)
        if pid is not None:
            if self.seen in self.at:
                os.kill(pid, signal.SIGKILL)
                self.kills += 1
            self.seen += 1
        return call


@pytest.mark.parametrize(
    ("method", "at"),
    [("advance", [7]), ("measure", [20]), ("advance", [4, 5]), ("features", [0])],
)
def test_a_killed_block_actor_changes_nothing(
    method: str,
    at: list[int],
    two_actors: ActorPool,
    prepared: Prepared,
    undisturbed: list[Iteration],
) -> None:
    murderers = []

    def make_executor(setups: Sequence[BlockSetup]) -> Murderous:
        executor = RayExecutor(two_actors.hosts, [ray.put(s) for s in setups])
        executor.build()
        murderers.append(Murderous(executor, method, at))
        return murderers[-1]

    disturbed = list(iterations(Coordinator(prepared.plan), prepared.cut, make_executor))
    assert sum(m.kills for m in murderers) >= len(at)
    assert_same_bits(disturbed, undisturbed)


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
    two_actors: ActorPool, prepared: Prepared, undisturbed: list[Iteration]
) -> None:
    made: list[Doomed] = []

    def make_executor(setups: Sequence[BlockSetup]) -> Doomed:
        made.append(Doomed(two_actors.hosts, [ray.put(s) for s in setups]))
        made[-1].build()
        return made[-1]

    disturbed = list(iterations(Coordinator(prepared.plan), prepared.cut, make_executor))
    assert_same_bits(disturbed, undisturbed)
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
    one_actor: ActorPool, prepared: Prepared
) -> None:
    setups = [ray.put(s) for s in prepared.cut(prepared.plan.tiles)]
    executor = RayExecutor(one_actor.hosts, setups, limits=Limits(attempts=2))
    executor.build()
    call = executor.submit(1, "evaluate", Poison())
    with pytest.raises(WorkerLostError, match="block 1: its actor was lost 2 times in evaluate"):
        call.result()


def test_the_error_of_a_worker_reaches_the_caller_as_itself(
    two_actors: ActorPool, prepared: Prepared
) -> None:
    def wild(tiles: Tiles) -> list[BlockSetup]:
        return [replace(setup, lr=1e30) for setup in prepared.cut(tiles)]

    with pytest.raises(RayTaskError) as caught:
        list(two_actors.launch(prepared.plan, wild))
    cause = local_cause(caught.value)
    assert isinstance(cause, NotFiniteError)
    assert "block 0, segment 0" in str(cause)

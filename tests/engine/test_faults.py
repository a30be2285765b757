"""Actors that are killed or stopped in the middle of a trial, and the bits at its end."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
import torch
from ray.exceptions import RayActorError

from raytd.engine.block import BlockSetup
from raytd.engine.checkpoints import CheckpointSettings
from raytd.engine.config import TrajectoryConfig
from raytd.engine.context import Pair
from raytd.engine.executor import run_in_process
from raytd.engine.prepare import Prepared, deal, prepare
from raytd.engine.ray_calls import Limits, RayExecutor
from raytd.engine.ray_executor import ActorPool, ActorShape, pool_of
from raytd.engine.records import CouplingSettings, Iteration
from raytd.engine.sources import SourceCache
from raytd.errors import WaitTimeoutError, WorkerLostError
from raytd.transport.tiles import Tiles
from tests.conftest import make_context

pytestmark = pytest.mark.ray

LIMITS = Limits(call_s=15, wait_s=120, attempts=3)


@pytest.fixture(scope="module")
def prepared(pair: Pair, sources: SourceCache, small_trajectory: TrajectoryConfig) -> Prepared:
    context = make_context(sources, small_trajectory)
    settings = CouplingSettings(0.5, 20.0, "kl", "spread", 1e-8, 5000, "global", 5)
    tiles = deal(pair, tile_size=5, n_blocks=2, dealing="random")
    return prepare(pair, context, tiles, iterations=2, coupling=settings)


@pytest.fixture(scope="module")
def undisturbed(prepared: Prepared) -> list[Iteration]:
    return list(run_in_process(prepared.plan, prepared.cut))


@pytest.fixture(scope="module")
def pool(ray_cluster: None) -> Iterator[ActorPool]:
    made = ActorPool(ActorShape(2, cpus=0.5, gpus=0.5))
    yield made
    made.close()


def assert_same_bits(left: list[Iteration], right: list[Iteration]) -> None:
    assert len(left) == len(right) == 2
    for one, other in zip(left, right, strict=True):
        assert one.lengths == other.lengths
        assert one.knots == other.knots
        assert one.solve == other.solve
        np.testing.assert_array_equal(one.cost, other.cost)
        np.testing.assert_array_equal(one.coupling, other.coupling)
        assert torch.equal(one.tiles.rows, other.tiles.rows)


@contextmanager
def once(happened: Callable[[], Any], act: Callable[[], None]) -> Iterator[None]:
    """Acts as soon as something has happened, beside the block."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            if happened():
                act()
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def launch(
    pool: ActorPool, prepared: Prepared, folder: Path, told: list[str]
) -> Iterator[Iteration]:
    return pool.launch(
        prepared.plan,
        prepared.cut,
        checkpoints=CheckpointSettings(folder, every=1),
        limits=LIMITS,
        tell=told.append,
    )


@pytest.mark.parametrize("place", ["0000-0000", "0000-0006", "0001-0011"])
def test_a_killed_coordinator_goes_on_from_its_checkpoint(
    place: str, pool: ActorPool, prepared: Prepared, undisturbed: list[Iteration], tmp_path: Path
) -> None:
    told: list[str] = []
    pid = ray.get(pool.coordinator.ping.remote())
    with once(lambda: [*tmp_path.glob(f"{place}*")], lambda: os.kill(pid, signal.SIGKILL)):
        records = list(launch(pool, prepared, tmp_path, told))
    assert told == [f"the coordinator's actor was lost in iteration {int(place[:4])}; made again"]
    assert ray.get(pool.coordinator.ping.remote()) != pid
    assert_same_bits(records, undisturbed)


def test_a_coordinator_that_dies_between_two_calls_without_checkpoints_begins_again(
    pool: ActorPool, prepared: Prepared, undisturbed: list[Iteration]
) -> None:
    records = []
    for record in pool.launch(prepared.plan, prepared.cut, limits=LIMITS):
        if not records:
            os.kill(ray.get(pool.coordinator.ping.remote()), signal.SIGKILL)
        records.append(record)
    assert_same_bits(records, undisturbed)


def test_a_coordinator_that_is_killed_every_time_is_given_up(
    pool: ActorPool, prepared: Prepared
) -> None:
    def deadly(tiles: Tiles) -> list[BlockSetup]:
        os.kill(ray.get(pool.coordinator.ping.remote()), signal.SIGKILL)
        return prepared.cut(tiles)

    told: list[str] = []
    with pytest.raises(WorkerLostError, match="coordinator's actor was lost 3 times in iteration"):
        list(pool.launch(prepared.plan, deadly, limits=LIMITS, tell=told.append))
    assert len(told) == 2


@pytest.mark.slow
def test_a_block_actor_that_hangs_is_killed_and_made_again(
    pool: ActorPool, prepared: Prepared, undisturbed: list[Iteration], tmp_path: Path
) -> None:
    told: list[str] = []
    pid = ray.get(pool.hosts[1].pid.remote())
    with once(lambda: [*tmp_path.glob("0000-0005*")], lambda: os.kill(pid, signal.SIGSTOP)):
        records = list(launch(pool, prepared, tmp_path, told))
    assert_same_bits(records, undisturbed)
    assert len(told) == 1
    assert told[0].startswith("block actor 1 did not answer ")
    assert told[0].endswith("within 15 s and was made again")
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.slow
def test_a_coordinator_that_hangs_is_killed_and_made_again(
    pool: ActorPool, prepared: Prepared, undisturbed: list[Iteration], tmp_path: Path
) -> None:
    told: list[str] = []
    pid = ray.get(pool.coordinator.ping.remote())
    with once(lambda: [*tmp_path.glob("0001-0005*")], lambda: os.kill(pid, signal.SIGSTOP)):
        records = list(launch(pool, prepared, tmp_path, told))
    assert_same_bits(records, undisturbed)
    assert told == ["the coordinator's actor gave no sign for 15 s in iteration 1; made again"]
    assert not Path(f"/proc/{pid}").exists()


def test_what_was_noted_before_a_trial_failed_is_told_with_the_last_error(
    pool: ActorPool, prepared: Prepared, tmp_path: Path
) -> None:
    told: list[str] = []
    limits = replace(LIMITS, attempts=1)
    settings = CheckpointSettings(tmp_path, every=1)
    run = pool.launch(
        prepared.plan, prepared.cut, checkpoints=settings, limits=limits, tell=told.append
    )
    pid = ray.get(pool.hosts[1].pid.remote())
    with (
        once(lambda: [*tmp_path.glob("0000-0005*")], lambda: os.kill(pid, signal.SIGKILL)),
        pytest.raises(WorkerLostError, match="block 1: its actor was lost 1 times") as caught,
    ):
        list(run)
    (note,) = told
    assert note.startswith("block actor 1 was lost (")
    assert note.endswith(") and was made again")
    assert "ray.exceptions.Actor" in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("hung", ["block actor 1", "the coordinator's actor"])
def test_an_actor_that_hangs_between_two_trials_is_killed_and_made_again(
    hung: str, pool: ActorPool, prepared: Prepared, undisturbed: list[Iteration]
) -> None:
    ask = pool.hosts[1].pid if hung == "block actor 1" else pool.coordinator.ping
    assert_same_bits(list(pool.launch(prepared.plan, prepared.cut, limits=LIMITS)), undisturbed)
    pid = ray.get(ask.remote())
    os.kill(pid, signal.SIGSTOP)
    told: list[str] = []
    for _ in range(2):
        again = pool.launch(prepared.plan, prepared.cut, limits=LIMITS, tell=told.append)
        assert_same_bits(list(again), undisturbed)
        assert told == [f"{hung} did not answer within 15 s and was made again"]
    assert not Path(f"/proc/{pid}").exists()


def test_a_wait_for_an_actor_that_has_no_place_ends_and_says_what_for(
    ray_cluster: None, prepared: Prepared
) -> None:
    wanting = ActorPool(ActorShape(1, cpus=0.5, gpus=64))
    try:
        run = wanting.launch(prepared.plan, prepared.cut, limits=replace(LIMITS, wait_s=1))
        with pytest.raises(WaitTimeoutError, match="waited 1 s for 1 actors of 0.5 CPUs and 64"):
            next(run)
        assert wanting.closed
    finally:
        wanting.close()


def test_a_pool_that_was_closed_is_not_used_again(ray_cluster: None) -> None:
    group = ray.util.placement_group([{"CPU": 0.5}, {"CPU": 0.5}])
    shape = ActorShape(1, cpus=0.5, gpus=0)
    try:
        first = pool_of(shape, group)
        assert pool_of(shape, group) is first
        first.close()
        second = pool_of(shape, group)
        assert second is not first
        ray.get(second.hosts[0].pid.remote(), timeout=LIMITS.wait_s)
        second.close()
    finally:
        ray.util.remove_placement_group(group)


def test_the_place_of_a_lost_actor_is_waited_for_no_longer_than_the_limit(
    pool: ActorPool, prepared: Prepared
) -> None:
    setups = [ray.put(s) for s in prepared.cut(prepared.plan.tiles)]
    executor = RayExecutor(pool.hosts, setups, limits=replace(LIMITS, call_s=120, wait_s=0.01))
    started = time.monotonic()
    os.kill(ray.get(pool.hosts[0].pid.remote()), signal.SIGKILL)
    with pytest.raises(WaitTimeoutError, match="block actor 0 to be placed and to start, in vain"):
        executor.build()
    assert time.monotonic() - started < 60


class Deadly:
    """Ends the process that receives it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (1,)


@pytest.mark.parametrize("place", ["built", "made again"])
def test_an_actor_that_is_lost_whenever_it_is_given_its_blocks_is_given_up_and_says_why(
    place: str, pool: ActorPool, prepared: Prepared
) -> None:
    setups = [ray.put(s) for s in prepared.cut(prepared.plan.tiles)]
    executor = RayExecutor(pool.hosts, setups, limits=LIMITS)
    if place == "made again":
        executor.build()
    executor.setups[1] = ray.put(Deadly())
    fails = executor.build if place == "built" else executor.submit(1, "evaluate", Deadly()).result
    expected = "block actor 1 was lost 3 times while it was given its blocks; the last time: The ac"
    with pytest.raises(WorkerLostError, match=expected) as caught:
        fails()
    assert isinstance(caught.value.__cause__, RayActorError)
    assert len(executor.notes) == (3 if place == "built" else 4)

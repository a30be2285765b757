"""Actors that are killed or stopped in the middle of a trial, and the bits at its end."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.exceptions import RayActorError

from raytd.engine.block import BlockSetup
from raytd.engine.checkpoints import CheckpointSettings
from raytd.engine.config import TrajectoryConfig
from raytd.engine.coordinator import Tell
from raytd.engine.executor import run_in_process
from raytd.engine.on_ray.executor import Limits, RayExecutor
from raytd.engine.on_ray.pool import WATCH, ActorPool, ActorShape, Watch, pool_of
from raytd.engine.records import Iteration
from raytd.engine.setup.context import Pair
from raytd.engine.setup.prepare import Prepared
from raytd.errors import WaitTimeoutError, WorkerLostError
from raytd.learning.sources import SourceCache
from raytd.transport.tiles import Tiles
from tests.engine.disturbed import (
    MOMENT_S,
    Impatient,
    disturbed,
    hold_coordinator,
    kill_block,
    kill_coordinator,
    stop,
    stop_block,
    wait_until_ended,
)
from tests.engine.trials import assert_same_bits, coupled_trial

pytestmark = pytest.mark.ray

LIMITS = Limits(call_s=120, wait_s=120, attempts=2)


@pytest.fixture(scope="module")
def prepared(tiny_pair: Pair, sources: SourceCache, short: TrajectoryConfig) -> Prepared:
    return coupled_trial(tiny_pair, sources, short, support="global")


@pytest.fixture(scope="module")
def undisturbed(prepared: Prepared) -> list[Iteration]:
    return list(run_in_process(prepared.plan, prepared.cut))


def launch(  # noqa: PLR0913
    pool: ActorPool,
    prepared: Prepared,
    folder: Path,
    tell: Tell,
    limits: Limits = LIMITS,
    watch: Watch = WATCH,
) -> Iterator[Iteration]:
    return pool.launch(
        prepared.plan,
        prepared.cut,
        checkpoints=CheckpointSettings(folder / "checkpoint", every=1),
        limits=limits,
        tell=tell,
        watch=watch,
    )


@pytest.mark.parametrize("place", [("advance", 0), ("measure", 1, (4, 5))], ids=["start", "middle"])
def test_a_killed_coordinator_goes_on_from_its_checkpoint(
    place: tuple[Any, ...],
    two_actors: ActorPool,
    prepared: Prepared,
    undisturbed: list[Iteration],
    tmp_path: Path,
) -> None:
    told: list[str] = []
    with disturbed(two_actors, tmp_path / "notes", *place, by=kill_coordinator) as disturbance:
        records = list(launch(two_actors, prepared, tmp_path, told.append))
    iteration = 0 if place == ("advance", 0) else 1
    assert told == [f"the coordinator's actor was lost in iteration {iteration}; made again"]
    assert_same_bits(records, undisturbed)
    # The segment that was under way is gone through again, and none before it.
    assert len(disturbance.advances) == 2 * 10 + 1


def test_a_coordinator_that_dies_between_two_calls_without_checkpoints_begins_again(
    two_actors: ActorPool, prepared: Prepared, undisturbed: list[Iteration]
) -> None:
    records = []
    for record in two_actors.launch(prepared.plan, prepared.cut, limits=LIMITS):
        if not records:
            os.kill(ray.get(two_actors.coordinator.ping.remote()), signal.SIGKILL)
        records.append(record)
    assert_same_bits(records, undisturbed)


def test_a_coordinator_that_is_killed_every_time_is_given_up(
    two_actors: ActorPool, prepared: Prepared
) -> None:
    def deadly(tiles: Tiles) -> list[BlockSetup]:
        os.kill(ray.get(two_actors.coordinator.ping.remote()), signal.SIGKILL)
        return prepared.cut(tiles)

    told: list[str] = []
    with pytest.raises(WorkerLostError, match="coordinator's actor was lost 2 times in iteration"):
        list(two_actors.launch(prepared.plan, deadly, limits=LIMITS, tell=told.append))
    assert told == ["the coordinator's actor was lost in iteration 0; made again"]


def test_a_block_actor_that_hangs_is_killed_and_made_again(
    two_actors: ActorPool, prepared: Prepared, undisturbed: list[Iteration], tmp_path: Path
) -> None:
    told: list[str] = []
    pid = ray.get(two_actors.hosts[1].pid.remote())
    limits = Impatient(LIMITS.call_s, LIMITS.wait_s, LIMITS.attempts, pids=(pid,))
    with disturbed(two_actors, tmp_path / "notes", "advance", 5, by=stop_block):
        records = list(launch(two_actors, prepared, tmp_path, told.append, limits))
    assert_same_bits(records, undisturbed)
    silent = f"block actor 1 did not answer advance within {MOMENT_S:g} s"
    assert told == [f"{silent} and was made again"]


def test_a_coordinator_that_hangs_is_killed_and_made_again(
    two_actors: ActorPool, prepared: Prepared, undisturbed: list[Iteration], tmp_path: Path
) -> None:
    told: list[str] = []
    pid = ray.get(two_actors.coordinator.ping.remote())
    limits = Impatient(LIMITS.call_s, LIMITS.wait_s, LIMITS.attempts, pids=(pid,))
    place = ("measure", 1, (4, 5))
    with disturbed(two_actors, tmp_path / "notes", *place, by=hold_coordinator) as disturbance:

        def stop_once(_: tuple[int, int]) -> None:
            if disturbance.has_happened and not told:
                stop(pid)

        def tell(line: str) -> None:
            told.append(line)
            wait_until_ended(pid)

        watch = Watch(stop_once, every_s=0.05)
        records = list(launch(two_actors, prepared, tmp_path, tell, limits, watch))
    assert_same_bits(records, undisturbed)
    silent = f"the coordinator's actor gave no sign for {MOMENT_S:g} s in iteration 1"
    assert told == [f"{silent}; made again"]


def test_what_was_noted_before_a_trial_failed_is_told_with_the_last_error(
    two_actors: ActorPool, prepared: Prepared, tmp_path: Path
) -> None:
    told: list[str] = []
    limits = replace(LIMITS, attempts=1)
    with (
        disturbed(two_actors, tmp_path / "notes", "advance", 5, by=kill_block),
        pytest.raises(WorkerLostError, match="block 1: its actor was lost 1 times") as caught,
    ):
        list(launch(two_actors, prepared, tmp_path, told.append, limits))
    (note,) = told
    assert note.startswith("block actor 1 was lost (")
    assert note.endswith(") and was made again")
    assert "ray.exceptions.Actor" in str(caught.value)


def test_actors_that_hang_between_two_trials_are_killed_and_made_again_once(
    two_actors: ActorPool, prepared: Prepared, undisturbed: list[Iteration]
) -> None:
    first = list(two_actors.launch(prepared.plan, prepared.cut, limits=LIMITS))
    assert_same_bits(first, undisturbed)
    asked = [two_actors.coordinator.ping.remote(), two_actors.hosts[1].pid.remote()]
    pids = ray.get(asked)
    stop(*pids)
    told: list[str] = []
    limits = Impatient(LIMITS.call_s, LIMITS.wait_s, LIMITS.attempts, pids=tuple(pids))

    def tell(line: str) -> None:
        told.append(line)
        wait_until_ended(pids[len(told) - 1])

    for _ in range(2):
        again = two_actors.launch(prepared.plan, prepared.cut, limits=limits, tell=tell)
        assert_same_bits(list(again), undisturbed)
        assert told == [
            f"{hung} did not answer within {MOMENT_S:g} s and was made again"
            for hung in ("the coordinator's actor", "block actor 1")
        ]


def test_a_wait_for_an_actor_that_has_no_place_ends_and_says_what_for(
    ray_cluster: None, prepared: Prepared
) -> None:
    wanting = ActorPool(ActorShape(1, cpus=0.5, gpus=64))
    try:
        run = wanting.launch(prepared.plan, prepared.cut, limits=replace(LIMITS, wait_s=0.1))
        with pytest.raises(WaitTimeoutError, match="waited 0.1 s for 1 actor of 0.5 CPUs and 64"):
            next(run)
        assert wanting.closed
    finally:
        wanting.close()


def test_a_pool_that_was_closed_is_not_used_again(ray_cluster: None) -> None:
    group = ray.util.placement_group([{"CPU": 0.5}, {"CPU": 0.5}])
    shape = ActorShape(1, cpus=0.5, gpus=0)
    try:
        first = pool_of(shape, group, "s")
        assert pool_of(shape, group, "s") is first
        first.close()
        second = pool_of(shape, group, "s")
        assert second is not first
        ray.get(second.hosts[0].pid.remote(), timeout=LIMITS.wait_s)
        second.close()
    finally:
        ray.util.remove_placement_group(group)


def test_the_place_of_a_lost_actor_is_waited_for_no_longer_than_the_limit(
    two_actors: ActorPool, prepared: Prepared
) -> None:
    setups = [ray.put(s) for s in prepared.cut(prepared.plan.tiles)]
    executor = RayExecutor(two_actors.hosts, setups, limits=replace(LIMITS, wait_s=0))
    os.kill(ray.get(two_actors.hosts[0].pid.remote()), signal.SIGKILL)
    with pytest.raises(WaitTimeoutError, match="block actor 0 to be placed and to start, in vain"):
        executor.build()


class Deadly:
    """Ends the process that receives it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (1,)


@pytest.mark.parametrize("place", ["built", "made again"])
def test_an_actor_that_is_lost_whenever_it_is_given_its_blocks_is_given_up_and_says_why(
    place: str, two_actors: ActorPool, prepared: Prepared
) -> None:
    setups = [ray.put(s) for s in prepared.cut(prepared.plan.tiles)]
    executor = RayExecutor(two_actors.hosts, setups, limits=LIMITS)
    if place == "made again":
        executor.build()
    executor.setups[1] = ray.put(Deadly())
    fails = executor.build if place == "built" else executor.submit(1, "evaluate", Deadly()).result
    expected = "block actor 1 was lost 2 times while it was given its blocks; the last time: The ac"
    with pytest.raises(WorkerLostError, match=expected) as caught:
        fails()
    assert isinstance(caught.value.__cause__, RayActorError)
    assert len(executor.notes) == (2 if place == "built" else 3)

"""What goes to the workers, how often, and what the coordinator never gets."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import ray
import torch

from raytd.engine.block import BlockSetup, ImageSlice, members
from raytd.engine.config import TrajectoryConfig
from raytd.engine.context import Pair
from raytd.engine.coordinator import Coordinator, iterations
from raytd.engine.executor import SerialExecutor, run_in_process
from raytd.engine.prepare import Prepared, deal, prepare
from raytd.engine.ray_calls import RayCall, RayExecutor
from raytd.engine.ray_executor import ActorPool, ActorShape
from raytd.engine.records import CouplingSettings
from raytd.engine.sources import SourceCache
from raytd.tasks.task import Task
from raytd.transfer.state import TrainState
from tests.conftest import make_context

Make = Callable[[int], Prepared]


@pytest.fixture
def made(pair: Pair, sources: SourceCache, small_trajectory: TrajectoryConfig) -> Make:
    """A trial of two iterations on some number of blocks."""

    def make(n_blocks: int) -> Prepared:
        context = make_context(sources, small_trajectory)
        settings = CouplingSettings(0.5, 20.0, "kl", "spread", 1e-8, 5000, "blocks", 5)
        tiles = deal(pair, tile_size=5, n_blocks=n_blocks, dealing="random")
        return prepare(pair, context, tiles, iterations=2, coupling=settings)

    return make


@pytest.fixture(scope="module")
def two_actors(ray_cluster: None) -> Iterator[ActorPool]:
    pool = ActorPool(ActorShape(2, cpus=0.5, gpus=0.5))
    yield pool
    pool.close()


@pytest.mark.ray
def test_three_blocks_on_two_actors_give_the_bits_of_one_process(
    two_actors: ActorPool, made: Make
) -> None:
    prepared = made(3)
    assert [RayExecutor([0, 1], [0] * 3).host_of(block) for block in range(3)] == [0, 0, 1]
    here = list(run_in_process(prepared.plan, prepared.cut))
    there = list(two_actors.launch(prepared.plan, prepared.cut))
    assert len(here) == len(there) == 2
    for one, other in zip(here, there, strict=True):
        assert one.lengths == other.lengths
        assert one.knots == other.knots
        np.testing.assert_array_equal(one.cost, other.cost)
        np.testing.assert_array_equal(one.coupling, other.coupling)


def assert_holds(
    held: ImageSlice, index: np.ndarray, task: Task, dealt: torch.Tensor, mass: torch.Tensor
) -> None:
    """A slice is the images that a block's tiles name, each once, and they lead back to them."""
    own = members(dealt, mass)
    np.testing.assert_array_equal(held.images, np.asarray(task.train.images)[own])
    real = mass.numpy() > 0
    np.testing.assert_array_equal(own[index[real]], dealt.numpy()[real])


def test_a_block_is_sent_its_own_rows_and_columns_alone(made: Make, pair: Pair) -> None:
    plan, n_blocks = made(3).plan, 3
    setups = made(3).cut(plan.tiles)
    assert len(setups) == n_blocks
    for block, setup in enumerate(setups):
        tiles, own = plan.tiles, plan.tiles.block(block, n_blocks)
        assert_holds(setup.source, setup.rows, pair.source, tiles.rows[own], tiles.a[own])
        assert_holds(setup.target, setup.cols, pair.target, tiles.cols[own], tiles.b[own])
    for side, task in (("source", pair.source), ("target", pair.target)):
        sent = sum(len(getattr(setup, side).images) for setup in setups)
        assert sent == len(task.train.labels)


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


@pytest.mark.ray
def test_setups_are_sent_once_and_every_call_sends_numbers_and_references(
    two_actors: ActorPool, made: Make
) -> None:
    prepared, executors = made(3), []

    def make_executor(setups: Sequence[BlockSetup]) -> Counting:
        executors.append(Counting(two_actors.hosts, [ray.put(setup) for setup in setups]))
        executors[-1].build()
        return executors[-1]

    assert len(list(iterations(Coordinator(prepared.plan), prepared.cut, make_executor))) == 2
    (executor,) = executors
    assert executor.built == [0, 1]
    numbers = [each for each in executor.sent if not isinstance(each, ray.ObjectRef)]
    assert len(numbers) < len(executor.sent)
    flat = [n for each in numbers for n in (each if isinstance(each, tuple) else (each,))]
    assert {type(number) for number in flat} == {int}


class Sharing(SerialExecutor):
    """Counts the states that are shared."""

    def __init__(self, setups: Sequence[BlockSetup]) -> None:
        super().__init__(setups)
        self.n_states = 0

    def share(self, value: Any) -> Any:
        self.n_states += isinstance(value, TrainState)
        return super().share(value)


@pytest.mark.parametrize("n_blocks", [1, 2, 3])
def test_weights_are_shared_once_a_knot_whatever_the_number_of_blocks(
    n_blocks: int, made: Make
) -> None:
    prepared, executors = made(n_blocks), []

    def make_executor(setups: Sequence[BlockSetup]) -> Sharing:
        executors.append(Sharing(setups))
        return executors[-1]

    list(iterations(Coordinator(prepared.plan), prepared.cut, make_executor))
    (executor,) = executors
    knots, features, stays = prepared.plan.segments + 1, 1, 5
    assert executor.n_states == features + 2 * knots + stays


def arrays(value: Any, seen: set[int]) -> Iterator[Any]:
    """Every array and tensor that can be reached from a value."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray | torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from arrays(each, seen)
    elif isinstance(value, list | tuple | set):
        for each in value:
            yield from arrays(each, seen)
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        yield from arrays(vars(value), seen)


def images(value: Any, shape: tuple[int, ...]) -> list[Any]:
    """Arrays that can only be images: of bytes, or of an image's shape."""
    found = arrays(value, set())
    return [x for x in found if str(x.dtype).endswith("uint8") or tuple(x.shape[-3:]) == shape]


def test_the_coordinator_never_holds_an_image(made: Make) -> None:
    prepared = made(2)
    setups = prepared.cut(prepared.plan.tiles)
    shape = setups[0].source.images.shape[1:]
    assert len(images(setups, shape)) >= 2 * 2
    coordinator = Coordinator(prepared.plan)
    list(iterations(coordinator, prepared.cut, SerialExecutor))
    reached = {id(each) for each in arrays(coordinator, set())}
    assert {id(each) for each in prepared.plan.start.parameters.values()} <= reached
    assert images(prepared.plan, shape) == images(coordinator, shape) == []

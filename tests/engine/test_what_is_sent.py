"""What goes to the workers, how often, and what the coordinator never gets."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from raytd.engine.block import BlockSetup, members
from raytd.engine.config import TrajectoryConfig
from raytd.engine.coordinator import Coordinator, iterations
from raytd.engine.executor import SerialExecutor
from raytd.engine.setup.context import Pair
from raytd.engine.setup.prepare import Prepared
from raytd.learning.images import ImageSlice
from raytd.learning.sources import SourceCache
from raytd.tasks.task import Task
from raytd.transfer.state import TrainState, Weights
from tests.engine.trials import coupled_trial

Make = Callable[[int], Prepared]


@pytest.fixture
def made(pair: Pair, sources: SourceCache, short: TrajectoryConfig) -> Make:
    """A trial of two iterations on some number of blocks."""
    return lambda n_blocks: coupled_trial(pair, sources, short, n_blocks=n_blocks)


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


class Sharing(SerialExecutor):
    """Counts the states and the weights that are shared."""

    def __init__(self, setups: Sequence[BlockSetup]) -> None:
        super().__init__(setups)
        self.n_states = self.n_weights = 0

    def share(self, value: Any) -> Any:
        self.n_states += isinstance(value, TrainState)
        self.n_weights += isinstance(value, Weights)
        return super().share(value)


@pytest.mark.parametrize("n_blocks", [1, 3])
def test_weights_are_shared_once_a_knot_whatever_the_number_of_blocks(
    n_blocks: int, made: Make
) -> None:
    prepared, executors = made(n_blocks), []

    def make_executor(setups: Sequence[BlockSetup]) -> Sharing:
        executors.append(Sharing(setups))
        return executors[-1]

    list(iterations(Coordinator(prepared.plan), prepared.cut, make_executor))
    (executor,) = executors
    knots, features, losses, ends = prepared.plan.segments + 1, 1, 2 * 5, 2
    assert executor.n_states == 2 * knots
    assert executor.n_weights == features + 2 * knots + losses + ends


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

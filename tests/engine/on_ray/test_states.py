"""States travel as arrays: the same bits, and no copy within a node."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import ray
import torch

from raytd.engine.on_ray.states import Packed, packed, size, unpacked
from raytd.models import zoo
from raytd.transfer.averaging import Moved, SegmentMeans
from raytd.transfer.state import TrainState, Weights, average


@pytest.fixture
def state() -> TrainState:
    weights = Weights.of(zoo.build("cnn8-narrow", in_channels=1, n_classes=3, seed=1))
    weights.parameters["odd"] = torch.tensor([float("nan"), -0.0, 1e-45])
    return TrainState(weights, {n: torch.randn_like(p) for n, p in weights.parameters.items()})


def bits(state: TrainState) -> dict[str, tuple[torch.dtype, bytes]]:
    groups = (state.weights.parameters, state.weights.buffers, state.momentum)
    return {
        f"{index} {name}": (tensor.dtype, tensor.numpy().tobytes())
        for index, group in enumerate(groups)
        for name, tensor in group.items()
    }


def test_a_state_comes_back_with_its_bits_and_anything_else_as_it_is(state: TrainState) -> None:
    assert bits(unpacked(packed(state))) == bits(state)
    weights = unpacked(packed(state.weights))
    assert bits(TrainState(weights, state.momentum)) == bits(state)
    array = np.zeros(3)
    assert packed(array) is array
    assert unpacked(array) is array


def test_means_of_a_segment_travel_along_or_are_left_out(state: TrainState) -> None:
    means = SegmentMeans(state.weights, state.momentum)
    back = unpacked(packed(Moved(state, means)))
    assert bits(back.state) == bits(state)
    assert bits(TrainState(back.means.mean, back.means.tilt)) == bits(state)
    assert unpacked(packed(Moved(state))).means is None
    assert {type(each) for each in walk(packed(Moved(state, means)))} == {np.ndarray}


def walk(value: Any) -> Iterator[Any]:
    """Everything within what is sent."""
    if isinstance(value, Packed):
        for each in value.content:
            yield from walk(each)
    elif isinstance(value, dict):
        yield from value.values()
    else:
        yield value


@pytest.mark.ray
def test_what_ray_hands_out_is_the_store_s_own_memory_and_can_be_averaged_and_loaded(
    ray_cluster: None, state: TrainState
) -> None:
    reference = ray.put(packed(state))
    first, second = ray.get(reference), ray.get(reference)
    assert isinstance(first, Packed)
    ours, theirs = (each.content[0].content[0] for each in (first, second))  # the parameters
    name = max(ours, key=lambda n: ours[n].nbytes)
    assert not ours[name].flags.writeable
    assert np.shares_memory(ours[name], theirs[name])
    del state.weights.parameters["odd"], state.momentum["odd"]
    got = unpacked(ray.get(ray.put(packed(state))))
    assert bits(average([got], [1.0])) == bits(state)
    model = zoo.build("cnn8-narrow", in_channels=1, n_classes=3, seed=2)
    got.weights.load_into(model)
    torch.testing.assert_close(
        Weights.of(model).parameters, state.weights.parameters, rtol=0, atol=0
    )


def test_the_size_of_what_travels_is_that_of_its_arrays(state: TrainState) -> None:
    sent = packed(state)
    arrays = [array for array in walk(sent) if isinstance(array, np.ndarray)]
    assert arrays
    assert size(sent) == sum(array.nbytes for array in arrays)
    assert size("anything else") == 0

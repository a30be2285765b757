import copy
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from raytd.errors import InputError
from raytd.transfer.state import TrainState, Weights, average
from tests.cases import for_each

STATISTICS = ("running_mean", "running_var")


def network(seed: int) -> nn.Module:
    """A network with batch norm whose every value, statistics and counters too, is random."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2))
        for _ in range(seed + 1):
            model(torch.randn(8, 2, 4, 4) * (1 + seed) + seed)
    return model


def state(seed: int) -> TrainState:
    generator = torch.Generator().manual_seed(seed)
    weights = Weights.of(network(seed))
    momentum = {
        name: torch.randn(value.shape, generator=generator)
        for name, value in weights.parameters.items()
    }
    return TrainState(weights, momentum)


def tensors(of: TrainState) -> dict[str, Tensor]:
    """All tensors of a state by kind and name."""
    parts = {
        "parameters": of.weights.parameters,
        "buffers": of.weights.buffers,
        "momentum": of.momentum,
    }
    return {f"{kind} {name}": value for kind, part in parts.items() for name, value in part.items()}


def statistics_of(data: np.ndarray) -> TrainState:
    """A state whose running statistics are those of data (images, channels)."""
    buffers = {
        "norm.running_mean": torch.tensor(data.mean(0)),
        "norm.running_var": torch.tensor(data.var(0)),
        "norm.num_batches_tracked": torch.tensor(len(data)),
    }
    return TrainState(Weights({}, buffers), {})


@for_each("seed", range(3))
def test_the_average_of_one_block_of_mass_one_is_the_block_itself(seed: int) -> None:
    one = state(seed)
    averaged = tensors(average([one], [1.0]))
    assert averaged.keys() == tensors(one).keys()
    for name, value in tensors(one).items():
        assert averaged[name].dtype == value.dtype
        assert averaged[name].numpy().tobytes() == value.numpy().tobytes()


def test_parameters_and_momentum_are_means_by_mass() -> None:
    masses = [0.5, 0.2, 0.3]
    blocks = [tensors(state(seed)) for seed in range(3)]
    averaged = tensors(average([state(seed) for seed in range(3)], masses))
    for name in averaged:
        if name.startswith(("parameters", "momentum")) or name.endswith("running_mean"):
            mean = sum(m * b[name].double().numpy() for m, b in zip(masses, blocks, strict=True))
            # Rounded once, to float32.
            np.testing.assert_allclose(averaged[name].numpy(), mean, rtol=6e-8, atol=0)


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    offset=st.floats(-100, 100),
    seed=st.integers(0, 2**32 - 1),
)
def test_running_statistics_describe_the_pooled_data(
    sizes: list[int], offset: float, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    blocks = [offset + b + generator.normal(size=(size, 3)) for b, size in enumerate(sizes)]
    masses = [size / sum(sizes) for size in sizes]
    buffers = average([statistics_of(b) for b in blocks], masses).weights.buffers
    pooled = np.concatenate(blocks)
    # Roundings of numbers of the size of the data and of its square.
    scale = 1 + np.abs(pooled).max()
    mean, variance = (buffers[f"norm.{name}"].numpy() for name in STATISTICS)
    np.testing.assert_allclose(mean, pooled.mean(0), rtol=0, atol=1e-15 * 10 * scale)
    np.testing.assert_allclose(variance, pooled.var(0), rtol=0, atol=1e-15 * 10 * scale**2)


def test_equal_means_leave_only_the_mean_of_the_variances() -> None:
    blocks = [
        Weights({}, {"running_mean": torch.tensor([7.0]), "running_var": torch.tensor([v])})
        for v in (1.0, 3.0)
    ]
    averaged = average([TrainState(w, {}) for w in blocks], [0.5, 0.5])
    assert averaged.weights.buffers["running_var"].item() == 2.0


def test_counters_are_those_of_the_first_block() -> None:
    states = [state(seed) for seed in (4, 0, 2)]
    counters = [s.weights.buffers["1.num_batches_tracked"].item() for s in states]
    assert counters == [5, 1, 3]
    averaged = average(states, [0.2, 0.4, 0.4]).weights.buffers["1.num_batches_tracked"]
    assert averaged.item() == 5
    assert averaged.dtype == torch.int64


def test_no_more_than_two_states_are_held_at_once() -> None:
    known: list[weakref.ref[TrainState]] = []

    def born(seed: int) -> TrainState:
        new = state(seed)
        known.append(weakref.ref(new))
        assert sum(reference() is not None for reference in known) <= 2
        return new

    average((born(seed) for seed in range(5)), [0.2] * 5)
    assert len(known) == 5


def test_the_average_shares_no_memory_with_the_blocks() -> None:
    one = state(0)
    before = copy.deepcopy(one)
    for value in tensors(average([one], [1.0])).values():
        value.fill_(9)
    for name, value in tensors(one).items():
        assert torch.equal(value, tensors(before)[name])


@for_each("order", [(2, 0, 1), (1, 2, 0), (2, 1, 0)])
def test_the_order_of_the_blocks_matters_only_by_rounding(order: tuple[int, ...]) -> None:
    masses = [0.5, 0.2, 0.3]
    one = tensors(average([state(i) for i in range(3)], masses))
    other = tensors(average([state(i) for i in order], [masses[i] for i in order]))
    for name in one:
        if one[name].is_floating_point():
            # Sums in float64, so at most one unit in the last place of float32.
            torch.testing.assert_close(one[name], other[name], rtol=1.2e-7, atol=1e-15)


def test_averaging_blocks_that_agree_changes_nothing() -> None:
    one = state(1)
    averaged = tensors(average([one, one, one, one], [0.25] * 4))
    for name, value in tensors(one).items():
        assert torch.equal(averaged[name], value)


def test_weights_go_out_of_a_model_and_into_another_one_unchanged() -> None:
    one, other = network(0), network(1)
    Weights.of(one).load_into(other)
    assert other.state_dict().keys() == one.state_dict().keys()
    for name, value in one.state_dict().items():
        assert torch.equal(other.state_dict()[name], value)


def test_weights_are_a_copy_of_the_model() -> None:
    model = network(0)
    weights = Weights.of(model)
    before = copy.deepcopy(weights)
    with torch.no_grad():
        for value in model.state_dict().values():
            value.fill_(3)
    for name, value in weights.parameters.items():
        assert torch.equal(value, before.parameters[name])
        assert not value.requires_grad
    for name, value in weights.buffers.items():
        assert torch.equal(value, before.buffers[name])


def test_weights_are_contiguous_whatever_the_memory_format() -> None:
    model = network(0).to(memory_format=torch.channels_last)
    assert not model[0].weight.is_contiguous()
    weights = Weights.of(model)
    assert weights.parameters["0.weight"].is_contiguous()
    assert torch.equal(weights.parameters["0.weight"], model[0].weight)


def test_a_loaded_model_keeps_its_memory_format_and_learns_on() -> None:
    model = network(1).to(memory_format=torch.channels_last)
    Weights.of(network(0)).load_into(model)
    assert model[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert all(p.requires_grad and p.is_leaf for p in model.parameters())


def test_a_trajectory_starts_without_momentum() -> None:
    weights = Weights.of(network(0))
    start = TrainState.at_rest(weights)
    assert start.weights is weights
    assert start.momentum.keys() == weights.parameters.keys()
    for name, value in start.momentum.items():
        assert value.shape == weights.parameters[name].shape
        assert not value.any()


@for_each(
    ("masses", "message"),
    [
        ([1.0], "1 masses and 2 or more states"),
        ([0.5, 0.6], "masses add up to 1.1"),
        ([-0.5, 1.5], r"masses\[0\] is -0.5"),
        ([0.5, float("nan")], r"masses\[1\] is nan"),
    ],
)
def test_masses_that_are_no_weights_of_a_mean_are_named(masses: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        average([state(0), state(1)], masses)


@for_each(
    ("changes", "message"),
    [
        ({"3.bias": None}, "parameter '3.bias' of the model is missing in the weights"),
        ({"4.bias": torch.zeros(2)}, "parameter '4.bias' of the weights is missing in the model"),
        (
            {"3.bias": torch.zeros(1)},
            r"parameter '3.bias' has shape \(1,\); the model needs \(2,\)",
        ),
    ],
)
def test_weights_of_another_model_are_refused_and_nothing_is_loaded(
    changes: dict[str, Tensor | None], message: str
) -> None:
    model, other = network(0), Weights.of(network(1))
    before = Weights.of(model)
    parameters = {k: v for k, v in (other.parameters | changes).items() if v is not None}
    with pytest.raises(InputError, match=message):
        Weights(parameters, other.buffers).load_into(model)
    for name, value in before.parameters.items():
        assert torch.equal(Weights.of(model).parameters[name], value)


def test_buffers_of_another_model_are_refused_and_nothing_is_loaded() -> None:
    model, buffers = network(0), Weights.of(network(1)).buffers
    before = Weights.of(model)
    buffers["1.running_mean"] = torch.zeros(1)
    with pytest.raises(InputError, match=r"buffer '1.running_mean' has shape \(1,\)"):
        Weights(Weights.of(network(1)).parameters, buffers).load_into(model)
    for name, value in before.parameters.items():
        assert torch.equal(Weights.of(model).parameters[name], value)

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from raytd.errors import InputError
from raytd.transfer.settings import Descent
from raytd.transfer.state import TrainState, Weights
from raytd.transfer.trajectory import (
    Batch,
    Sgd,
    mixed_cross_entropy,
    segment_steps,
    step_times,
)
from tests.cases import for_each

SETTINGS = {"lr": 0.05, "momentum": 0.9, "weight_decay": 5e-4}


def network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(36, 5)
        )


def batch(step: int) -> Batch:
    generator = torch.Generator().manual_seed(step)
    images = torch.randn(6, 2, 5, 5, generator=generator)
    labels = torch.randint(0, 5, (2, 6), generator=generator)
    return Batch(images, labels[0], labels[1], torch.rand(6, generator=generator))


def loss(model: nn.Module, on: Batch) -> Tensor:
    log_probs = F.log_softmax(model(on.images), dim=-1)
    return mixed_cross_entropy(log_probs, on.source_labels, on.target_labels, on.t).mean()


def plain_training(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    model.train()
    for step in range(steps):
        optimizer.zero_grad()
        loss(model, batch(step)).backward()
        optimizer.step()


def shifted(start: int) -> Callable[[int], Batch]:
    return lambda step: batch(start + step)


def assert_same(state: TrainState, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """To the bit: the same operations in the same order on the same machine."""
    for name, parameter in model.named_parameters():
        assert torch.equal(state.weights.parameters[name], parameter)
        assert torch.equal(state.momentum[name], optimizer.state[parameter]["momentum_buffer"])
    for name, buffer in model.named_buffers():
        assert torch.equal(state.weights.buffers[name], buffer)


@for_each("lengths", [[12], [6, 6], [1, 4, 7], [0, 5, 0, 7], [1] * 12])
@for_each("decay", [0.0, 5e-4])
def test_segments_joined_by_their_states_are_training_without_interruption(
    lengths: list[int], decay: float
) -> None:
    settings = SETTINGS | {"weight_decay": decay}
    plain = network()
    optimizer = torch.optim.SGD(plain.parameters(), **settings)
    plain_training(plain, optimizer, 12)

    sgd = Sgd(network(), Descent(**settings))
    state = TrainState.at_rest(Weights.of(network()))
    done = 0
    for length in lengths:
        state = sgd.run(state, length, shifted(done))
        done += length
    assert_same(state, plain, optimizer)


def test_every_segment_may_run_on_another_model() -> None:
    plain = network()
    optimizer = torch.optim.SGD(plain.parameters(), **SETTINGS)
    plain_training(plain, optimizer, 8)

    state = TrainState.at_rest(Weights.of(network()))
    for segment in range(4):
        stranger = network()
        for parameter in stranger.parameters():
            nn.init.constant_(parameter, 7.0)
        state = Sgd(stranger, Descent(**SETTINGS)).run(state, 2, shifted(2 * segment))
    assert_same(state, plain, optimizer)


def test_a_segment_depends_on_its_state_and_not_on_what_ran_before() -> None:
    sgd = Sgd(network(), Descent(**SETTINGS))
    start = TrainState.at_rest(Weights.of(network()))
    first = sgd.run(start, 3, batch)
    sgd.run(first, 5, shifted(100))
    again = sgd.run(start, 3, batch)
    for name, value in first.weights.parameters.items():
        assert torch.equal(value, again.weights.parameters[name])
        assert torch.equal(first.momentum[name], again.momentum[name])
    for name, value in first.weights.buffers.items():
        assert torch.equal(value, again.weights.buffers[name])


def test_a_run_leaves_the_state_it_started_from_alone() -> None:
    start = Sgd(network(), Descent(**SETTINGS)).run(
        TrainState.at_rest(Weights.of(network())), 2, batch
    )
    before = copy.deepcopy(start)
    Sgd(network(), Descent(**SETTINGS)).run(start, 3, batch)
    for name, value in before.weights.parameters.items():
        assert torch.equal(start.weights.parameters[name], value)
        assert torch.equal(start.momentum[name], before.momentum[name])
    for name, value in before.weights.buffers.items():
        assert torch.equal(start.weights.buffers[name], value)


def test_a_run_trains_in_training_mode_even_after_evaluation() -> None:
    model = network().eval()
    start = TrainState.at_rest(Weights.of(model))
    moved = Sgd(model, Descent(**SETTINGS)).run(start, 3, batch).weights.buffers
    assert moved["1.num_batches_tracked"].item() == 3
    assert not torch.equal(moved["1.running_mean"], start.weights.buffers["1.running_mean"])


def test_a_state_is_contiguous_whatever_the_memory_format_of_the_model() -> None:
    model = network().to(memory_format=torch.channels_last)
    state = Sgd(model, Descent(**SETTINGS)).run(TrainState.at_rest(Weights.of(network())), 1, batch)
    assert not model[0].weight.is_contiguous()
    assert all(value.is_contiguous() for value in state.momentum.values())
    assert all(value.is_contiguous() for value in state.weights.parameters.values())


def test_no_steps_return_the_state_unchanged() -> None:
    start = Sgd(network(), Descent(**SETTINGS)).run(
        TrainState.at_rest(Weights.of(network())), 2, batch
    )
    end = Sgd(network(), Descent(**SETTINGS)).run(start, 0, batch)
    for name, value in start.weights.parameters.items():
        assert torch.equal(end.weights.parameters[name], value)
        assert torch.equal(end.momentum[name], start.momentum[name])


def test_one_step_without_momentum_is_gradient_descent() -> None:
    model = network()
    gradients = torch.autograd.grad(loss(model, batch(0)), list(model.parameters()))
    start = TrainState.at_rest(Weights.of(network()))
    moved = Sgd(network(), Descent(lr=0.1, momentum=0.0, weight_decay=0.0))
    end = moved.run(start, 1, batch).weights.parameters
    for (name, before), gradient in zip(model.named_parameters(), gradients, strict=True):
        # One rounding of a float32 sum.
        torch.testing.assert_close(end[name], before - 0.1 * gradient, rtol=1.2e-7, atol=1e-9)


@settings(deadline=None)
@given(steps=st.integers(0, 5000), segments=st.integers(1, 300))
def test_segments_share_the_steps_out_evenly_and_in_order(steps: int, segments: int) -> None:
    shares = [segment_steps(m, steps=steps, segments=segments) for m in range(segments)]
    assert [step for share in shares for step in share] == list(range(steps))
    lengths = [len(share) for share in shares]
    assert max(lengths) - min(lengths) <= 1


@settings(deadline=None)
@given(total=st.integers(1, 5000))
def test_times_of_all_steps_rise_inside_the_path_with_mean_one_half(total: int) -> None:
    times = step_times(range(total), total=total)
    assert times.dtype == torch.float64
    assert 0 < times[0] <= times[-1] < 1
    assert bool((times.diff() > 0).all())
    assert times.mean().item() == pytest.approx(0.5, rel=1e-12)  # rounding of a long sum


@settings(deadline=None)
@given(steps=st.integers(1, 500), segments=st.integers(1, 60), data=st.data())
def test_times_of_a_segment_lie_between_its_knots_up_to_one_step(
    steps: int, segments: int, data: st.DataObject
) -> None:
    segment = data.draw(st.integers(0, segments - 1))
    times = step_times(segment_steps(segment, steps=steps, segments=segments), total=steps)
    assert all(segment / segments - 1 / steps < t < (segment + 1) / segments for t in times)


@settings(deadline=None)
@given(data=st.data(), classes=st.integers(2, 10), n=st.integers(1, 8))
def test_mixed_cross_entropy_is_that_of_soft_labels(
    data: st.DataObject, classes: int, n: int
) -> None:
    def draw(element: st.SearchStrategy, dtype: torch.dtype, size: int = n) -> Tensor:
        return torch.tensor(data.draw(st.lists(element, min_size=size, max_size=size)), dtype=dtype)

    logits = draw(st.floats(-30, 30), torch.float64, n * classes).reshape(n, classes)
    source, target = (draw(st.integers(0, classes - 1), torch.int64) for _ in range(2))
    t = draw(st.floats(0, 1), torch.float64)
    soft = (1 - t)[:, None] * F.one_hot(source, classes) + t[:, None] * F.one_hot(target, classes)
    torch.testing.assert_close(
        mixed_cross_entropy(torch.log_softmax(logits, -1), source, target, t),
        F.cross_entropy(logits, soft, reduction="none"),
        rtol=1e-13,  # roundings of a handful of sums
        atol=1e-13,
    )


def test_mixed_cross_entropy_at_the_ends_is_that_of_one_label() -> None:
    logits = torch.randn(7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    log_probs = torch.log_softmax(logits, -1)
    source, target = torch.arange(7) % 4, (torch.arange(7) + 1) % 4
    for t, labels in ((0.0, source), (1.0, target)):
        torch.testing.assert_close(
            mixed_cross_entropy(log_probs, source, target, t),
            F.cross_entropy(logits, labels, reduction="none"),
            rtol=1e-14,
            atol=0,
        )


def test_mixed_cross_entropy_of_a_table_of_pairs_has_its_shape() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 3, 4, 5, dtype=torch.float64, generator=generator)
    log_probs = torch.log_softmax(logits, -1)
    source = torch.arange(6).reshape(2, 3, 1).expand(2, 3, 4) % 5
    target = torch.arange(8).reshape(2, 1, 4).expand(2, 3, 4) % 5
    table = mixed_cross_entropy(log_probs, source, target, 0.25)
    assert table.shape == (2, 3, 4)
    for index in ((0, 0, 0), (1, 2, 3), (1, 0, 2)):
        row = log_probs[index]
        expected = -(0.75 * row[source[index]] + 0.25 * row[target[index]])
        torch.testing.assert_close(table[index], expected, rtol=1e-15, atol=0)


@for_each(("segment", "segments"), [(20, 20), (-1, 20), (0, 0)])
def test_a_segment_that_is_not_there_is_refused(segment: int, segments: int) -> None:
    with pytest.raises(InputError, match=f"segment is {segment}; a path of {segments} segments"):
        segment_steps(segment, steps=40, segments=segments)


def test_coefficients_that_do_not_fit_the_labels_are_refused() -> None:
    labels = torch.zeros(4, dtype=torch.int64)
    with pytest.raises(InputError, match=r"t has shape \(4, 1\), not \(4,\)"):
        mixed_cross_entropy(torch.zeros(4, 3), labels, labels, torch.zeros(4, 1))

"""Plain SGD: its steps and the order of its images."""

from itertools import islice

import numpy as np
import torch
from torch import nn

from raytd.transfer.descent import descend, epoch_order
from raytd.transfer.settings import Descent
from tests.cases import for_each


def streams(epoch: int) -> torch.Generator:
    return torch.Generator().manual_seed(epoch)


def order(n_images: int, batch_size: int, n_batches: int) -> list[list[int]]:
    batches = epoch_order(n_images, batch_size=batch_size, stream=streams)
    return [b.tolist() for b in islice(batches, n_batches)]


def test_every_epoch_sees_each_image_once_in_an_order_of_its_own() -> None:
    batches = order(10, 4, 6)
    assert [len(b) for b in batches] == [4, 4, 2] * 2
    one, two = sum(batches[:3], []), sum(batches[3:], [])
    assert sorted(one) == sorted(two) == list(range(10))
    assert one != two


@for_each(
    ("n_images", "batch_size", "sizes"),
    [(9, 4, [4, 4, 4, 4]), (1, 4, [1, 1]), (3, 1, [1, 1, 1, 1]), (2, 4, [2, 2])],
)
def test_a_single_image_is_left_out_only_where_batches_are_larger(
    n_images: int, batch_size: int, sizes: list[int]
) -> None:
    assert [len(b) for b in order(n_images, batch_size, len(sizes))] == sizes


def test_steps_are_those_of_momentum_and_decay_written_out() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 5, 3)), rng.integers(0, 4, size=(6, 5))
    rates = [0.3, 0.2, 0.1, 0.3, 0.2, 0.1]
    w, velocity, path = np.zeros((4, 3)), np.zeros((4, 3)), []
    for inputs, labels, rate in zip(x, y, rates, strict=True):
        scores = np.exp(inputs @ w.T)
        p = scores / scores.sum(axis=1, keepdims=True)
        gradient = (p - np.eye(4)[labels]).T @ inputs / len(labels) + 0.1 * w
        velocity = 0.9 * velocity + gradient
        w = w - rate * velocity
        path.append(w)

    model = nn.Linear(3, 4, bias=False).double()
    nn.init.zeros_(model.weight)
    batches = [(torch.tensor(a), torch.tensor(b)) for a, b in zip(x, y, strict=True)]
    settings = Descent(lr=1, momentum=0.9, weight_decay=0.1)
    steps = descend(model, batches, settings, steps=6, rate=lambda n: rates[n])
    for done in steps:
        # Float64 in another order.
        np.testing.assert_allclose(model.weight.detach().numpy(), path[done - 1], rtol=1e-12)


def test_each_step_is_taken_in_training_mode_whatever_comes_between() -> None:
    modes: list[bool] = []
    model = nn.Linear(2, 2)
    model.register_forward_hook(lambda module, *_: modes.append(module.training))
    batches = [(torch.zeros(2, 2), torch.zeros(2, dtype=torch.int64))] * 3
    for _ in descend(model, batches, Descent(), steps=3):
        model.eval()
    assert modes == [True] * 3


def test_no_more_batches_are_taken_than_there_are_steps() -> None:
    batches = iter([(torch.zeros(2, 2), torch.zeros(2, dtype=torch.int64))] * 5)
    model = nn.Linear(2, 2)
    run = descend(model, batches, Descent(), steps=3)
    assert list(run) == [1, 2, 3]
    assert len(list(batches)) == 2

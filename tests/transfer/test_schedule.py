"""The learning rate along the path, and what augmentation may do to an image."""

import pytest
import torch
from torch import nn

from raytd.errors import InputError
from raytd.transfer.interpolation import crop_and_flip
from raytd.transfer.settings import Descent
from raytd.transfer.state import TrainState, Weights
from raytd.transfer.trajectory import Batch, Sgd, rate_factor


def test_the_cosine_goes_from_one_to_almost_nothing_through_a_half() -> None:
    factors = [rate_factor("cosine", step, 100) for step in range(100)]
    assert factors[0] == 1
    assert factors[50] == pytest.approx(0.5)
    assert factors[99] < 1e-3
    assert factors == sorted(factors, reverse=True)
    assert {rate_factor("constant", step, 100) for step in range(100)} == {1.0}


def test_a_schedule_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="schedule is 'step'; choose from constant, cosine"):
        rate_factor("step", 0, 100)


def test_each_step_uses_its_own_share_of_the_rate() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
    start = Weights.of(model)
    images = torch.ones(1, 1, 2, 2)
    label = torch.zeros(1, dtype=torch.int64)

    def moved(rate: float) -> torch.Tensor:
        sgd = Sgd(model, Descent(lr=0.1, momentum=0, weight_decay=0))
        batch = Batch(images, label, label, torch.zeros(1))
        end = sgd.run(TrainState.at_rest(start), 1, lambda _: batch, lambda _: rate)
        return end.weights.parameters["1.weight"] - start.parameters["1.weight"]

    assert moved(0.0).abs().max() == 0
    # One step is linear in the rate; float32 differences of numbers of order one.
    torch.testing.assert_close(moved(0.5), moved(1.0) / 2, rtol=1e-4, atol=1e-7)


def test_no_shift_and_no_mirror_leave_the_images_as_they_are() -> None:
    images = torch.rand(5, 3, 16, 16)
    still = torch.tensor([[0.5], [0.5], [0.9]], dtype=torch.float64).expand(3, 5)
    assert torch.equal(crop_and_flip(images, still), images)


def test_shifts_and_mirrors_are_those_of_each_image() -> None:
    images = torch.rand(3, 1, 16, 16)
    # Down by two rows, right by two columns, mirrored: one of them for each image.
    u = torch.tensor([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.9, 0.9, 0.1]], dtype=torch.float64)
    moved = crop_and_flip(images, u)
    assert torch.equal(moved[0, 0, 2:], images[0, 0, :-2])
    assert moved[0, 0, :2].abs().max() == 0
    assert torch.equal(moved[1, 0, :, 2:], images[1, 0, :, :-2])
    assert torch.equal(moved[2], images[2].flip(-1))

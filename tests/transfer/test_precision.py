"""bfloat16 is plain autocast around the layers: weights, logits and losses stay above it."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raytd.models import zoo
from raytd.transfer.precision import forward
from raytd.transfer.settings import Descent
from raytd.transfer.state import TrainState, Weights
from raytd.transfer.trajectory import Batch, Sgd

SETTINGS = {"lr": 0.05, "momentum": 0.9, "weight_decay": 5e-4}


def network() -> nn.Module:
    return zoo.build("wrn-10-1", in_channels=1, n_classes=4, seed=0)


def images(seed: int) -> Tensor:
    return torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


def batch(step: int) -> Batch:
    labels = torch.arange(6) % 4
    return Batch(images(step), labels, labels, torch.zeros(6))


def test_float32_leaves_the_network_as_it_is() -> None:
    model = network().eval()
    assert torch.equal(forward(model, images(0), "float32"), model(images(0)))


def test_float32_does_not_narrow_a_float64_network() -> None:
    model = nn.Linear(3, 2, dtype=torch.float64)
    assert forward(model, torch.ones(1, 3, dtype=torch.float64), "float32").dtype == torch.float64


def test_bfloat16_is_autocast_with_logits_cast_back() -> None:
    model = network().eval()
    with torch.autocast("cpu", torch.bfloat16):
        wanted = model(images(0))
    logits = forward(model, images(0), "bfloat16")
    assert wanted.dtype == torch.bfloat16
    assert logits.dtype == torch.float32
    assert torch.equal(logits, wanted.float())


def test_steps_in_bfloat16_are_those_of_plain_autocast_with_weights_in_float32() -> None:
    plain = network().train()
    optimizer = torch.optim.SGD(plain.parameters(), **SETTINGS)
    for step in range(4):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            logits = plain(images(step))
        # The loss of mixed labels rounds as this does.
        log_probs = F.log_softmax(logits.float(), dim=-1)
        (-log_probs.gather(-1, (torch.arange(6) % 4)[:, None])).mean().backward()
        optimizer.step()
    start = TrainState.at_rest(Weights.of(network()))
    moved = Sgd(network(), Descent(**SETTINGS), precision="bfloat16").run(start, 4, batch)
    other = Sgd(network(), Descent(**SETTINGS)).run(start, 4, batch)
    for name, parameter in plain.named_parameters():
        value = moved.weights.parameters[name]
        assert value.dtype == moved.momentum[name].dtype == torch.float32
        # Sums of a handful of float32 in another order.
        torch.testing.assert_close(value, parameter.detach(), rtol=1e-5, atol=1e-6)
    assert not torch.equal(other.weights.parameters["head.weight"], plain.head.weight)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_bfloat16_on_a_gpu_is_autocast_of_its_device() -> None:
    model, x = network().eval().cuda(), images(0).cuda()
    with torch.autocast("cuda", torch.bfloat16):
        wanted = model(x)
    assert torch.equal(forward(model, x, "bfloat16"), wanted.float())

"""Where a process computes, and what it asks of a GPU. No GPU is needed to see what is asked."""

import os
from collections.abc import Iterator

import pytest
import torch

from raytd.learning.devices import pick_device


@pytest.fixture(autouse=True)
def _switches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The switches of this process as they were, afterwards."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "unset")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    deterministic = torch.are_deterministic_algorithms_enabled()
    benchmark = torch.backends.cudnn.benchmark
    yield
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = benchmark


@pytest.fixture
def visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that this process could use."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)


def test_a_gpu_gives_the_same_bits_each_time_unless_told_otherwise(visible: None) -> None:
    torch.backends.cudnn.benchmark = True
    assert pick_device(True).type == "cuda"
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


def test_what_is_faster_can_be_asked_for(visible: None) -> None:
    pick_device(True, deterministic=False)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.benchmark


@pytest.mark.usefixtures("visible")
def test_a_process_that_wants_no_gpu_is_left_as_it_is() -> None:
    assert pick_device(False).type == "cpu"
    assert not torch.are_deterministic_algorithms_enabled()
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ


def test_without_a_gpu_it_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device(True).type == "cpu"
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("model", ["cnn8-narrow", "wrn-10-1"])
def test_training_on_a_gpu_has_the_same_bits_each_time(model: str) -> None:
    from raytd.models import zoo
    from raytd.transfer.state import Weights

    device = pick_device(True)
    images = torch.randn(50, 3, 16, 16, generator=torch.Generator().manual_seed(0)).to(device)

    def trained() -> Weights:
        network = zoo.build(model, in_channels=3, n_classes=10, seed=0).to(device)
        sgd = torch.optim.SGD(network.parameters(), lr=0.1)
        for _ in range(20):
            sgd.zero_grad()
            torch.nn.functional.cross_entropy(
                network(images), torch.arange(50, device=device) % 10
            ).backward()
            sgd.step()
        return Weights.of(network)

    one, other = trained(), trained()
    assert all(torch.equal(one.parameters[name], other.parameters[name]) for name in one.parameters)

import math

import numpy as np
import pytest
import torch
from torch import nn

from raytd.models import zoo
from raytd.transfer.diagnostics import fisher_rao_forms, integral
from tests.cases import for_each


def explicit_form(model: nn.Module, image: torch.Tensor) -> float:
    """w F w with F = Σ_y p(y) ∇log p(y) ∇log p(y)ᵀ, written out as a matrix."""
    weights = torch.cat([p.detach().flatten() for p in model.parameters()])
    p = torch.softmax(model(image[None])[0], dim=0).detach()
    fisher = torch.zeros(len(weights), len(weights), dtype=weights.dtype)
    for y in range(len(p)):
        model.zero_grad()
        torch.log_softmax(model(image[None])[0], dim=0)[y].backward()
        score = torch.cat([q.grad.flatten() for q in model.parameters()])
        fisher += p[y] * torch.outer(score, score)
    return float(weights @ fisher @ weights)


@pytest.fixture
def small() -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3, bias=False),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(12, 4),
    ).double()
    model.train()
    model(torch.rand(30, 1, 4, 4).double())  # running statistics that are not 0 and 1
    return model.eval()


def test_the_form_is_that_of_the_explicit_fisher_matrix(small: nn.Module) -> None:
    images = torch.rand(5, 1, 4, 4, dtype=torch.float64)
    log_p, forms = fisher_rao_forms(small, images)
    expected = [explicit_form(small, image) for image in images]
    np.testing.assert_allclose(forms, expected, rtol=1e-10)  # float64 throughout
    torch.testing.assert_close(log_p, torch.log_softmax(small(images), dim=1).detach())


@for_each("name", ["cnn8-narrow", "wrn-10-1"])
def test_the_form_of_a_network_is_its_derivative_along_its_own_weights(name: str) -> None:
    model = zoo.build(name, in_channels=1, n_classes=5, seed=0).double().eval()
    images = torch.rand(4, 1, 8, 8, dtype=torch.float64)
    _, forms = fisher_rao_forms(model, images)
    step, logits = 1e-7, []  # so short that hardly any ReLU switches within it
    before = [p.detach().clone() for p in model.parameters()]
    with torch.no_grad():
        for sign in (1, -1):
            for p, w in zip(model.parameters(), before, strict=True):
                p.copy_(w * (1 + sign * step))
            logits.append(model(images))
    moved = ((logits[0] - logits[1]) / (2 * step)).numpy()
    with torch.no_grad():
        for p, w in zip(model.parameters(), before, strict=True):
            p.copy_(w)
        p = torch.softmax(model(images), dim=1).numpy()
    variance = (p * moved**2).sum(1) - (p * moved).sum(1) ** 2
    # Central differences in float64 with a step of 1e-7.
    np.testing.assert_allclose(forms, variance, rtol=1e-5)


def test_the_model_is_left_as_it_was(small: nn.Module) -> None:
    before = {n: t.clone() for n, t in small.state_dict().items()}
    fisher_rao_forms(small, torch.rand(3, 1, 4, 4, dtype=torch.float64))
    torch.testing.assert_close(dict(small.state_dict()), before, rtol=0, atol=0)
    assert all(p.grad is None for p in small.parameters())


def test_the_integral_is_exact_for_straight_pieces_and_converges_for_curved_ones() -> None:
    assert integral([1, 3, 3], [0, 0.5, 1]) == pytest.approx(1 + 1.5)
    errors = []
    for n in (10, 20, 40):
        taus = np.linspace(0, 1, n + 1)
        errors.append(abs(integral(list(np.sin(taus)), list(taus)) - (1 - math.cos(1))))
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.01)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.01)

"""The exact diagonal against closed forms and explicit gradients, and what random signs promise."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from raytd.methods.fisher import diagonal
from raytd.methods.fisher.cosine import jackknifed_error, normalised_cosine
from raytd.methods.fisher.diagonal import exact_diagonal, relative_error, sufficient_diagonal
from raytd.methods.fisher.squares import FilterSquares
from raytd.models import zoo
from tests.cases import for_each


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=stream(seed))


class Twice(nn.Module):
    """A layer that is called twice, one for each half of the image."""

    def __init__(self) -> None:
        super().__init__()
        self.shared, self.head = nn.Linear(8, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.flatten(1).split(8, dim=1)
        seen: Tensor = self.head((self.shared(first) + self.shared(second)).tanh())
        return seen


class Transposed(nn.Module):
    """A layer whose first axis is not that of the images."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(4, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.layer(x[:, 0].transpose(0, 1).contiguous()).tanh()
        seen: Tensor = self.head(rows.mean(0))
        return seen


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 6, (3, 1), stride=(2, 1), padding=(1, 0), groups=2, bias=False),
        nn.ReLU(inplace=True),
        nn.Conv2d(6, 4, 2, dilation=1),
        nn.Flatten(),
        nn.Linear(12, 7),
        nn.Tanh(),
        nn.Linear(7, 3),
    )


def padded_by_name() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding="same"), nn.Tanh(), nn.Flatten(), nn.Linear(64, 3)
    )


def normalised_by_the_batch() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, track_running_stats=False), nn.Flatten(),
        nn.Linear(16, 3),
    )  # fmt: skip


def other_convolutions() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding="same", padding_mode="circular"),
        nn.ReLU(inplace=True),
        nn.Flatten(2),
        nn.Conv1d(4, 3, 4, stride=4),
        nn.Flatten(),
        nn.Linear(12, 3),
    )


NETWORKS = {
    "convolutional": (convolutional, "9", True),
    "other_convolutions": (other_convolutions, "5", False),
    "padded_by_name": (padded_by_name, "3", False),
    "normalised_by_the_batch": (normalised_by_the_batch, "3", False),
    "twice": (Twice, "head", False),
    "transposed": (Transposed, "head", False),
}


def made(name: str) -> tuple[nn.Module, str, bool]:
    make, head, together = NETWORKS[name]
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(0)
        network = make().double().eval()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d) and module.track_running_stats:
                nn.init.normal_(module.running_mean)
                nn.init.uniform_(module.running_var, 0.5, 2)
    return network, head, together


def squares(network: nn.Module, x: Tensor, *, head: str) -> FilterSquares:
    return FilterSquares(network, lambda b: network(x[b]), head=head, n_images=len(x))


def explicit(network: nn.Module, x: Tensor, *, head: str) -> Tensor:
    """Σ_y p(y|x) (∂ log p(y|x) / ∂w)², one image and one label at a time."""
    network.requires_grad_(True)
    kinds = (nn.Conv1d, nn.Conv2d, nn.BatchNorm2d, nn.Linear)
    named = network.named_modules()
    weights = [m.weight for name, m in named if isinstance(m, kinds) and name != head]
    totals = [torch.zeros_like(w) for w in weights]
    for image in x:
        log_p = network(image[None])[0].log_softmax(dim=0)
        for y in range(len(log_p)):
            gradients = torch.autograd.grad(log_p[y], weights, retain_graph=True)
            for total, g in zip(totals, gradients, strict=True):
                total += log_p[y].detach().exp() * g**2 / len(x)
    return torch.cat([t.flatten(1).mean(1) if t.ndim > 1 else t for t in totals])


@for_each("name", NETWORKS)
def test_the_exact_diagonal_is_that_of_explicit_gradients(name: str) -> None:
    network, head, together = made(name)
    x = normal(9, 1, 4, 4, seed=1)
    of = squares(network, x, head=head)
    assert (of.size > 1) == together
    found = exact_diagonal(of, n_images=9, n_classes=3)
    expected = explicit(network, x, head=head)
    torch.testing.assert_close(found.values, expected, rtol=1e-9, atol=1e-18)
    assert (found.draws, found.gradients, found.forwards) == (None, 3, 1)


def test_a_hidden_linear_layer_has_the_fisher_information_of_the_closed_form() -> None:
    # f = V W x: the information of W[o, i] is x_i² V_oᵀ (diag p − p pᵀ) V_o.
    network = nn.Sequential(nn.Linear(6, 4, bias=False), nn.Linear(4, 5)).double()
    x = normal(20, 6, seed=2)
    found = exact_diagonal(squares(network, x, head="1"), n_images=20, n_classes=5).values
    with torch.no_grad():
        p, v = network(x).softmax(dim=1), network[1].weight
        covariance = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
        by_output = torch.einsum("co,ncd,do->no", v, covariance, v)
        expected = ((x**2).mean(1)[:, None] * by_output).mean(0)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_a_network_that_is_sure_keeps_the_digits_of_rare_labels() -> None:
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)).double()
    with torch.no_grad():
        network[0].weight.copy_(torch.eye(2))
        network[1].weight.copy_(torch.tensor([[30.0, 0.0], [0.0, 0.0]]))
    x = torch.tensor([[1.0, 0.0]]).double()
    found = exact_diagonal(squares(network, x, head="1"), n_images=1, n_classes=2).values
    rare = 1 / (1 + math.exp(30))
    expected = 900 * rare * (1 - rare) / 2  # mean over the two weights of the filter
    assert float(found[0]) == pytest.approx(expected, rel=1e-3)  # 1 − p of p itself
    assert float(found[1]) == 0


@for_each("model", ["cnn8-narrow", "wrn-10-1"])
def test_batches_of_images_give_what_images_give_alone(model: str) -> None:
    network = zoo.build(model, in_channels=1, n_classes=4, seed=0).eval()
    x = normal(10, 1, 8, 8, seed=3).float()
    of = squares(network, x, head="head")
    assert of.size > 10
    together = exact_diagonal(of, n_images=10, n_classes=4).values
    for size in (1, 3):
        of.size = size
        found = exact_diagonal(of, n_images=10, n_classes=4).values
        torch.testing.assert_close(found, together, rtol=1e-2, atol=1e-5 * float(together.max()))


def test_memory_bounds_the_images_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    network, head, _ = made("convolutional")
    x = normal(9, 1, 4, 4, seed=1)
    whole = exact_diagonal(squares(network, x, head=head), n_images=9, n_classes=3).values
    monkeypatch.setattr("raytd.methods.fisher.squares.FLOATS", 2000)
    of = squares(network, x, head=head)
    assert 1 <= of.size < 9
    found = exact_diagonal(of, n_images=9, n_classes=3).values
    torch.testing.assert_close(found, whole, rtol=1e-9, atol=0)


def test_the_probe_is_left_without_gradients_and_hooks() -> None:
    for name in NETWORKS:
        network, head, _ = made(name)
        exact_diagonal(
            squares(network, normal(3, 1, 4, 4, seed=1), head=head), n_images=3, n_classes=3
        )
        assert not any(p.requires_grad for p in network.parameters())
        assert not any(m._forward_hooks for m in network.modules())


def wide(n_images: int, *, seed: int = 0, sharp: float = 1.0) -> FilterSquares:
    """A task of 64 classes."""
    network = nn.Sequential(nn.Linear(10, 24), nn.Tanh(), nn.Linear(24, 64)).double()
    with torch.no_grad():
        for number, layer in enumerate((network[0], network[2])):
            layer.weight.copy_(normal(*layer.weight.shape, seed=10 + number))
            layer.bias.zero_()
        network[2].weight.mul_(sharp * (1 + 0.3 * normal(64, 24, seed=20 + seed)))
    x = normal(n_images, 10, seed=30 + seed)
    return squares(network, x, head="2")


@for_each("sharp", [0.1, 2.0])
def test_the_error_of_signs_falls_with_the_root_of_their_number(sharp: float) -> None:
    of = wide(50, sharp=sharp)
    exact = exact_diagonal(of, n_images=50, n_classes=64).values
    errors = []
    for n in (16, 256, 4096):
        draws = diagonal._drawn(of, n, stream(n)) / 50
        errors.append(float(((draws.mean(0) / exact - 1) ** 2).mean().sqrt()))
        assert relative_error(draws) == pytest.approx(errors[-1], rel=0.8)
    assert errors[-1] < 0.01
    for larger, smaller in pairwise(errors):
        assert 2 < larger / smaller < 8  # 4, from 24 filters


def test_signs_are_as_good_for_a_network_that_is_sure() -> None:
    # Labels that are drawn have a relative variance of about 1 / (1 − p) for each image.
    of = wide(1, sharp=20.0)
    draws = diagonal._drawn(of, 400, stream(1))
    exact = exact_diagonal(of, n_images=1, n_classes=64).values
    second = ((draws / exact - 1) ** 2).mean(0)
    assert float(second.max()) < 2.6  # at most 2, from 400 draws


def test_draws_end_below_the_error() -> None:
    n = 1500
    tasks = [wide(n, seed=s, sharp=0.3) for s in (0, 1)]
    exact = [exact_diagonal(t, n_images=n, n_classes=64).values for t in tasks]
    drawn = [
        sufficient_diagonal(t, n_images=n, n_classes=64, error=0.01, generator=stream(s))
        for s, t in enumerate(tasks)
    ]
    for each, right in zip(drawn, exact, strict=True):
        assert each.draws is not None
        assert each.gradients == len(each.draws) < 64
        assert relative_error(each.draws) <= 0.01
        assert float(((each.values / right - 1) ** 2).mean().sqrt()) < 0.02


def test_all_labels_are_taken_where_signs_would_need_more() -> None:
    of = wide(4)
    found = sufficient_diagonal(of, n_images=4, n_classes=64, error=0.01, generator=stream())
    exact = exact_diagonal(of, n_images=4, n_classes=64)
    torch.testing.assert_close(found.values, exact.values, rtol=0, atol=0)
    assert (found.draws, found.gradients, found.forwards) == (None, 64 + 8, 2)


def test_signs_are_those_of_the_image_whatever_the_batches() -> None:
    of = wide(20)
    whole = diagonal._drawn(of, 5, stream())
    of.size = 3
    torch.testing.assert_close(diagonal._drawn(of, 5, stream()), whole, rtol=1e-10, atol=0)


def test_the_jackknife_knows_bias_and_spread_of_a_noisy_distance() -> None:
    base = normal(300, seed=1).exp()
    other = base * (0.3 * normal(300, seed=2)).exp()
    truth, found, guessed = normalised_cosine(base, other), [], []
    for seed in range(60):
        draws = base * (1 + 0.5 * normal(20, 300, seed=100 + seed)).clamp(min=0)
        draws *= 1 + 0.2 * normal(20, 1, seed=1000 + seed).clamp(min=-3)  # shared by all filters
        mean = draws.mean(0)
        found.append(normalised_cosine(mean, other))
        guessed.append(jackknifed_error(mean, other, draws))
    distances, errors = torch.tensor(found), torch.tensor(guessed)
    bias = float(distances.mean()) - truth
    assert float(errors[:, 1].mean()) == pytest.approx(bias, rel=0.25)
    assert float(errors[:, 0].mean().sqrt()) == pytest.approx(float(distances.std()), rel=0.3)


def test_filters_that_are_told_nothing_have_no_error() -> None:
    assert relative_error(torch.zeros(4, 3)) == 0
    draws = torch.tensor([[1.0, 0.0], [3.0, 0.0]]).double()
    # A mean of 2, and a variance of 2 over two draws: the other filter does not count.
    assert relative_error(draws) == pytest.approx(0.5)

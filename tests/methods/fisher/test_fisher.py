"""Fisher information of filters against explicit gradients, and closed forms of the posterior."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raytd.errors import InputError
from raytd.methods.fisher.cosine import normalised_cosine
from raytd.methods.fisher.filters import filtered_layers
from raytd.methods.fisher.head import batches, fit_head
from raytd.methods.fisher.montecarlo import montecarlo_fisher
from raytd.methods.fisher.variational import variational_precision
from tests.cases import for_each


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_network(seed: int = 0) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(seed)
        network = nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1),
            nn.BatchNorm2d(3),
            nn.ReLU(),
            nn.Conv2d(3, 4, 3, groups=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16, 3),
        )
    return network.double().eval()


def images(n: int = 6) -> Tensor:
    return torch.randn((n, 1, 4, 4), dtype=torch.float64, generator=stream(1))


def test_labels_drawn_one_image_at_a_time_give_the_explicit_mean_of_squares() -> None:
    # Every draw is repeated in the test: the same generator, the same order of images.
    network, x = small_network(), images()
    order = [torch.tensor([i]) for i in (3, 0, 5, 1)]
    found = montecarlo_fisher(
        network, lambda b: network(x[b]), head="6", batches=order, per_pass=2, generator=stream(2)
    )
    again, draws = small_network().requires_grad_(True), stream(2)
    weights = [again[0].weight, again[1].weight, again[3].weight]
    totals = [torch.zeros_like(w) for w in weights]
    for batch in order:
        log_p = again(x[batch]).log_softmax(dim=1)
        y = torch.multinomial(log_p.detach().exp(), 1, generator=draws)[0, 0]
        for total, g in zip(totals, torch.autograd.grad(log_p[0, y], weights), strict=True):
            total += g**2 / len(order)
    expected = torch.cat([totals[0].mean((1, 2, 3)), totals[1], totals[2].mean((1, 2, 3))])
    torch.testing.assert_close(found.values, expected, rtol=1e-10, atol=1e-15)
    assert found.draws is not None
    assert found.draws.shape == (2, 3 + 3 + 4)
    torch.testing.assert_close(found.draws.mean(0), expected, rtol=1e-10, atol=1e-15)


@for_each("size", [1, 3])
def test_sampled_labels_tend_to_the_explicit_fisher_matrix_whatever_the_batch(size: int) -> None:
    network, x = small_network(), images()
    diagonal = torch.zeros(network[3].weight.shape, dtype=torch.float64)
    weight = network[3].weight
    for image in x:
        log_p = network(image[None]).log_softmax(dim=1)[0]
        for y in range(3):
            (g,) = torch.autograd.grad(log_p[y], weight, retain_graph=True)
            diagonal += log_p[y].exp().detach() * g**2 / len(x)
    many = batches(len(x), batch_size=size, count=1500, generator=stream(3))
    found = montecarlo_fisher(
        network, lambda b: network(x[b]), head="6", batches=many, per_pass=6, generator=stream(4)
    )
    # 1,500 squares of about normal numbers: 4 % of standard error in the mean of each filter.
    expected = diagonal.mean((1, 2, 3))
    torch.testing.assert_close(found.values[-4:], expected, rtol=0.12, atol=1e-12)


def test_the_probe_keeps_its_weights_and_wants_no_gradients_afterwards() -> None:
    network, x = small_network(), images()
    before = copy.deepcopy(network.state_dict())
    montecarlo_fisher(
        network,
        lambda b: network(x[b]),
        head="6",
        batches=[torch.arange(6)],
        per_pass=1,
        generator=stream(),
    )
    precision(network, x, count=5)
    torch.testing.assert_close(network.state_dict(), before, rtol=0, atol=0)
    assert not any(p.requires_grad for p in network.parameters())
    assert not any(m._forward_hooks for m in network.modules())


def precision(network: nn.Module, x: Tensor, *, count: int, beta: float = 1e-2, lr: float = 0.05):
    labels = torch.arange(len(x)) % 3
    return variational_precision(
        network,
        lambda b: network(x[b]),
        labels,
        head="6",
        batches=batches(len(x), batch_size=len(x), count=count, generator=stream()),
        beta=beta,
        lr=lr,
        generator=stream(5),
    )


def test_without_steps_the_precision_is_that_of_the_start() -> None:
    network = small_network()
    found = precision(network, images(), count=0)
    for layer, part in ((network[0], slice(0, 3)), (network[3], slice(3, 7))):
        weight = layer.weight.detach()
        variance = 0.05 * weight.var(correction=0) + 1e-8
        expected = (1 / variance).expand(len(weight))
        torch.testing.assert_close(found.values[part], expected)
        trivial = 1 / ((weight**2).mean() + variance)
        torch.testing.assert_close(found.trivial[part], trivial.expand(len(weight)))


def test_a_task_without_information_leaves_the_precision_of_the_prior() -> None:
    # Where noise costs nothing, n log λ² − Σ v falls as v grows, and λ² = (‖w‖² + Σ e^v)/n → e^v.
    network, x = small_network(), images()
    nn.init.zeros_(network[6].weight.requires_grad_(False))
    found = precision(network, x, count=300, beta=1.0, lr=0.2)
    # ‖w‖² is still beside Σ e^v after 300 steps.
    torch.testing.assert_close(found.values, found.trivial, rtol=5e-3, atol=0)


def test_a_linear_layer_s_precision_is_where_the_explicit_gradient_vanishes() -> None:
    # One hidden linear layer and a squared curvature known in closed form: with a head that
    # sums outputs and two classes, E CE ≈ CE + ½ Var f p(1−p), so that
    # e^−v ≈ 1/λ² + mean p(1−p) (Σ x² + 0.01 d) h² / (2 β d) for small noise.
    d, n = 4, 64
    x = torch.randn((n, d), dtype=torch.float64, generator=stream(7))
    network = nn.Sequential(nn.Linear(d, 2, bias=False), nn.Linear(2, 2)).double().eval()
    with torch.no_grad():
        network[0].weight.copy_(0.1 * torch.randn((2, d), generator=stream(8)).double())
        network[1].weight.copy_(torch.tensor([[1.0, 0.5], [0.0, 0.0]]))
        network[1].bias.zero_()
    labels, beta = torch.arange(n) % 2, 0.2
    found = variational_precision(
        network,
        lambda b: network(x[b]),
        labels,
        head="1",
        batches=batches(n, batch_size=n, count=1500, generator=stream()),
        beta=beta,
        lr=0.02,
        generator=stream(9),
    )
    with torch.no_grad():
        p = network(x).softmax(dim=1)[:, 0]
    curvature = (p * (1 - p) * ((x**2).sum(1) + 0.01 * d)).mean()
    heads = torch.tensor([1.0, 0.25]).double()
    expected = found.trivial + curvature * heads / (2 * beta * d)
    # Second order in the noise, whose variance is not small beside 1, and Adam's own jitter.
    torch.testing.assert_close(found.values, expected, rtol=0.25, atol=0)


def test_noise_has_the_variance_of_the_squared_inputs() -> None:
    layer = nn.Conv2d(1, 1, 1, bias=True).double().eval()
    network = nn.Sequential(layer, nn.Flatten(), nn.Linear(1, 2)).double()
    seen: list[Tensor] = []
    x = torch.full((20_000, 1, 1, 1), 2.0, dtype=torch.float64)

    def logits(batch: Tensor) -> Tensor:
        hidden = layer(x[batch])
        seen.append(hidden.detach().flatten())
        return network[2](hidden.flatten(1))

    with torch.no_grad():
        layer.weight.fill_(3.0)
    variational_precision(
        network,
        logits,
        torch.zeros(20_000, dtype=torch.int64),
        head="2",
        batches=[torch.arange(20_000)],
        beta=1e-7,
        lr=1e-9,
        generator=stream(),
    )
    # One weight has variance 0, so that v starts at log 1e−8; x² + 0.01 = 4.01.
    mean, deviation = seen[0].mean(), seen[0].std()
    torch.testing.assert_close(mean, 6 + layer.bias[0].detach(), rtol=0, atol=1e-5)
    assert float(deviation) == pytest.approx(math.sqrt(4.01e-8), rel=0.02)


def test_only_filters_before_the_head_are_described() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, affine=False), nn.Linear(3, 2))
    assert list(filtered_layers(network, head="2")) == ["0"]
    with pytest.raises(InputError, match="no convolution, batch norm or hidden linear layer"):
        filtered_layers(nn.Sequential(nn.Linear(2, 2)), head="0")


def test_a_head_reaches_the_optimum_of_the_cross_entropy_with_decay() -> None:
    from sklearn.linear_model import LogisticRegression

    labels = torch.arange(90) % 3
    features = torch.randn((90, 4), generator=stream(1)) + labels[:, None]
    head = fit_head(
        features,
        labels,
        n_classes=3,
        steps=600,
        batch_size=90,
        lr=0.03,
        weight_decay=1e-2,
        generator=stream(2),
    )
    # Decay λ of the gradient is λ‖w‖²/2 beside the mean loss: C = 1/(n λ). The bias decays too.
    inputs = torch.cat([features, torch.ones(90, 1)], dim=1).numpy()
    oracle = LogisticRegression(C=1 / (90 * 1e-2), fit_intercept=False, max_iter=5000, tol=1e-8)
    oracle.fit(inputs, labels.numpy())
    expected = torch.tensor(oracle.predict_proba(inputs)).float()
    torch.testing.assert_close(head(features).softmax(dim=1), expected, rtol=0, atol=0.01)


def test_batches_are_shuffled_epochs() -> None:
    found = list(batches(5, batch_size=2, count=7, generator=stream()))
    assert [len(b) for b in found] == [2, 2, 1, 2, 2, 1, 2]
    assert sorted(torch.cat(found[:3]).tolist()) == sorted(torch.cat(found[3:6]).tolist())
    assert not torch.equal(torch.cat(found[:3]), torch.cat(found[3:6]))


def test_the_distance_is_that_of_explicit_cosines() -> None:
    first, second = (torch.rand(20, dtype=torch.float64, generator=stream(s)) for s in (0, 1))
    h0, h1 = first / (first + second + 1e-8), second / (first + second + 1e-8)
    expected = 1 - F.cosine_similarity(h0, h1, dim=0)
    assert normalised_cosine(first, second) == pytest.approx(float(expected), abs=1e-14)
    assert normalised_cosine(second, first) == pytest.approx(float(expected), abs=1e-14)


def test_equal_embeddings_are_at_zero_and_those_without_a_filter_in_common_at_one() -> None:
    one, other = torch.tensor([1.0, 0, 2]).double(), torch.tensor([0, 3.0, 0]).double()
    zeros = torch.zeros(3, dtype=torch.float64)
    assert normalised_cosine(one, one.clone()) == 0
    assert normalised_cosine(one, other) == pytest.approx(1)
    assert normalised_cosine(zeros, zeros) == 0


@for_each(
    ("values", "message"),
    [
        ([1.0, 2.0], r"shapes \(2,\) and \(3,\)"),
        ([1.0, torch.nan, 1.0], r"first\[1\] is nan"),
        ([1.0, -1.0, 1.0], r"first\[1\] is -1"),
    ],
)
def test_what_are_no_embeddings_of_one_probe_is_refused(values, message) -> None:
    with pytest.raises(InputError, match=message):
        normalised_cosine(torch.tensor(values).double(), torch.ones(3).double())

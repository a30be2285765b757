"""Lengths belong to the functions that networks compute, not to their weights."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from raytd.models import zoo
from raytd.simplex import fisher_rao_distance, log_probs, segment_length
from raytd.transfer.interpolation import mix
from raytd.transfer.settings import Descent
from raytd.transfer.state import TrainState, Weights
from raytd.transfer.trajectory import Batch, Sgd
from tests.cases import for_each

NAMES = ["cnn8-narrow", "wrn-10-1"]
KNOTS = 4
N_CLASSES = 4

Change = Callable[[nn.Conv2d, nn.BatchNorm2d, nn.Conv2d], None]


def build(name: str) -> nn.Module:
    return zoo.build(name, in_channels=1, n_classes=N_CLASSES, seed=0).double()


def images() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 6, 1, 8, 8, dtype=torch.float64, generator=generator)


def batch(step: int) -> Batch:
    generator = torch.Generator().manual_seed(step)
    t = torch.rand(8, dtype=torch.float64, generator=generator)
    pairs = torch.randint(0, 6, (2, 8), generator=generator)
    source, target = images()
    mixed = mix(source[pairs[0]], target[pairs[1]], t[:, None, None, None])
    return Batch(mixed, pairs[0] % 2, 2 + pairs[1] % 2, t)


def advance(name: str, start: Weights) -> list[Weights]:
    """Weights at the knots of a short trajectory."""
    model = build(name)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    sgd = Sgd(model, Descent(lr=0.05, momentum=0.9, weight_decay=5e-4))
    states = [TrainState.at_rest(start)]
    for knot in range(KNOTS):
        states.append(sgd.run(states[-1], 2, lambda step, knot=knot: batch(2 * knot + step)))
    return [state.weights for state in states]


def hidden_layers(model: nn.Module) -> list[tuple[nn.Conv2d, nn.BatchNorm2d, nn.Conv2d]]:
    """Convolutions, batch norm and ReLU, and the convolution that alone reads the result."""
    if hasattr(model, "convolutions"):
        layers = list(model.convolutions)
        return [(a[0], a[1], b[0]) for a, b in zip(layers, layers[1:], strict=False)]
    return [(block.conv1, block.norm2, block.conv2) for block in model.blocks]


def permute(before: nn.Conv2d, norm: nn.BatchNorm2d, after: nn.Conv2d) -> None:
    """Another order of the hidden channels."""
    order = torch.randperm(norm.num_features, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before.weight.copy_(before.weight[order])
        for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
            values.copy_(values[order])
        after.weight.copy_(after.weight[:, order])


def rescale(before: nn.Conv2d, norm: nn.BatchNorm2d, after: nn.Conv2d) -> None:
    """Channels of the ReLU layer times positive numbers, which its successor divides out."""
    generator = torch.Generator().manual_seed(0)
    factors = torch.rand(norm.num_features, dtype=torch.float64, generator=generator) * 3 + 0.2
    with torch.no_grad():
        norm.weight.mul_(factors)
        norm.bias.mul_(factors)
        after.weight.div_(factors[:, None, None])


def changed(name: str, weights: Weights, change: Change) -> Weights:
    model = build(name)
    weights.load_into(model)
    for layers in hidden_layers(model):
        change(*layers)
    return Weights.of(model)


def lengths(name: str, knots: list[Weights]) -> tuple[Tensor, Tensor]:
    """Lengths of every segment and pair, and the geodesic from the first knot to the last."""
    model, (source, target) = build(name).eval(), images()

    def log_p(weights: Weights, tau: float) -> Tensor:
        weights.load_into(model)
        with torch.inference_mode():
            return log_probs(model(mix(source, target, tau)))

    segments = [
        segment_length(log_p(first, m / KNOTS), log_p(second, m / KNOTS))
        for m, (first, second) in enumerate(zip(knots, knots[1:], strict=False))
    ]
    return torch.stack(segments), fisher_rao_distance(log_p(knots[0], 0), log_p(knots[-1], 0))


@for_each("change", [permute, rescale])
@for_each("name", NAMES)
def test_lengths_do_not_see_the_order_or_the_scale_of_hidden_channels(
    name: str, change: Change
) -> None:
    knots = advance(name, Weights.of(build(name)))
    other = [changed(name, weights, change) for weights in knots]
    assert any(
        not torch.equal(value, other[0].parameters[key])
        for key, value in knots[0].parameters.items()
    )
    segments, geodesic = lengths(name, knots)
    assert segments.min() > 1e-3
    # Logits of size one, summed in another order: roundings of a few 1e-15.
    for measured, expected in zip(lengths(name, other), (segments, geodesic), strict=True):
        torch.testing.assert_close(measured, expected, rtol=0, atol=1e-12)


@for_each("name", NAMES)
def test_a_trajectory_from_permuted_weights_is_the_permuted_trajectory(name: str) -> None:
    start = Weights.of(build(name))
    segments, _ = lengths(name, advance(name, start))
    other, _ = lengths(name, advance(name, changed(name, start, permute)))
    # Eight steps of SGD enlarge the roundings of the first.
    torch.testing.assert_close(other, segments, rtol=0, atol=1e-10)


@for_each("name", NAMES)
def test_lengths_see_a_change_that_changes_the_function(name: str) -> None:
    """The same permutation without its counterpart in the next layer is another network."""

    def half(before: nn.Conv2d, norm: nn.BatchNorm2d, after: nn.Conv2d) -> None:
        untouched = copy.deepcopy(after)
        permute(before, norm, untouched)

    knots = advance(name, Weights.of(build(name)))
    other = [changed(name, weights, half) for weights in knots]
    difference = lengths(name, other)[0] - lengths(name, knots)[0]
    assert difference.abs().max() > 1e-3

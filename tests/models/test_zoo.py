import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from raytd.errors import InputError
from raytd.models import zoo
from raytd.models.heads import find_head
from tests.cases import for_each

SIZES = [(8, 8), (9, 13), (14, 14), (28, 28), (33, 8)]


def n_parameters(name: str, *, in_channels: int = 3, n_classes: int = 10) -> int:
    with torch.device("meta"):
        model = zoo.build(name, in_channels=in_channels, n_classes=n_classes, seed=0)
    return sum(p.numel() for p in model.parameters())


def wide_resnet_parameters(depth: int, width: int, in_channels: int, n_classes: int) -> int:
    """Counted layer by layer from the published structure."""
    total, before = 9 * in_channels * 16, 16
    for planes in (16 * width, 32 * width, 64 * width):
        for _ in range((depth - 4) // 6):
            total += 2 * before + 9 * before * planes + 2 * planes + 9 * planes * planes
            total += before * planes if before != planes else 0
            before = planes
    return total + 2 * before + (before + 1) * n_classes


@for_each(
    ("name", "count"), [("wrn-16-4", 2_748_890), ("wrn-28-10", 36_479_194), ("wrn-16-1", 175_066)]
)
def test_wide_residual_networks_have_the_published_numbers_of_parameters(
    name: str, count: int
) -> None:
    assert n_parameters(name) == count


@settings(deadline=None, max_examples=12)
@given(
    per_group=st.integers(1, 5),
    width=st.integers(1, 10),
    in_channels=st.sampled_from([1, 3]),
    n_classes=st.integers(1, 100),
)
def test_wide_residual_networks_of_any_depth_and_width_have_the_layers_of_the_paper(
    per_group: int, width: int, in_channels: int, n_classes: int
) -> None:
    depth = 6 * per_group + 4
    name = f"wrn-{depth}-{width}"
    assert zoo.problem_with(name) is None
    counted = n_parameters(name, in_channels=in_channels, n_classes=n_classes)
    assert counted == wide_resnet_parameters(depth, width, in_channels, n_classes)


def convolution_parameters(widths: list[int], n_classes: int) -> int:
    channels = [3, *widths]
    pairs = zip(channels, channels[1:], strict=False)
    return sum(9 * a * b + 2 * b for a, b in pairs) + (widths[-1] + 1) * n_classes


@for_each(("name", "narrowing", "stated"), [("cnn8", 1, 1_739_210), ("cnn8-narrow", 4, 109_946)])
def test_convolutional_networks_have_eight_layers_of_known_size(
    name: str, narrowing: int, stated: int
) -> None:
    widths = [w // narrowing for w in (64, 64, 128, 128, 256, 256, 256)]
    assert n_parameters(name) == convolution_parameters(widths, 10) == stated
    model = zoo.build("cnn8-narrow", in_channels=3, n_classes=10, seed=0)
    weighted = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(weighted) == 8


@for_each(
    ("name", "in_channels", "sizes"),
    [
        *((name, 3, [(8, 8), (32, 32)]) for name in zoo.names()),
        *((name, 1, SIZES) for name in zoo.names() if name != "wrn-28-10"),
    ],
)
def test_every_model_takes_images_of_any_size_from_8_pixels_on(
    name: str, in_channels: int, sizes: list[tuple[int, int]]
) -> None:
    """`wrn-28-10` is `wrn-16-4` once more, deeper and wider; it is slow, so two will do.

    Colour is tried at the smallest size and at that of CIFAR.
    """
    assert zoo.problem_with(name) is None
    model = zoo.build(name, in_channels=in_channels, n_classes=7, seed=0).eval()
    generator = torch.Generator().manual_seed(0)
    for size in sizes:
        images = torch.randn(2, in_channels, *size, generator=generator)
        with torch.inference_mode():
            logits = model(images)
        assert logits.shape == (2, 7)
        assert bool(logits.isfinite().all())
        assert not torch.equal(logits[0], logits[1])


@for_each("size", [8, 32])
@for_each("name", ["cnn8-narrow", "wrn-10-1", "wrn-16-1"])
def test_every_parameter_is_reached_by_the_gradient(name: str, size: int) -> None:
    model = zoo.build(name, in_channels=1, n_classes=4, seed=0).train()
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(4, 1, size, size, generator=generator)
    nn.functional.cross_entropy(model(images), torch.arange(4)).backward()
    for parameter in model.parameters():
        assert bool(parameter.grad.isfinite().all())
        assert bool(parameter.grad.any())


@for_each("name", ["cnn8-narrow", "wrn-10-1"])
def test_the_logits_of_an_image_do_not_depend_on_its_batch_in_evaluation(name: str) -> None:
    model = zoo.build(name, in_channels=1, n_classes=4, seed=0).double().eval()
    images = torch.randn(
        5, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    with torch.inference_mode():
        alone = torch.cat([model(image[None]) for image in images])
        # Batches are summed in another order.
        torch.testing.assert_close(model(images), alone, rtol=1e-11, atol=1e-11)


@for_each("name", ["cnn8-narrow", "wrn-10-1"])
def test_images_are_not_changed_by_the_model(name: str) -> None:
    model = zoo.build(name, in_channels=1, n_classes=4, seed=0).eval()
    images = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    before = images.clone()
    model(images)
    assert torch.equal(images, before)


@for_each("name", ["cnn8", "cnn8-narrow", "wrn-10-1"])
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(name: str) -> None:
    one, same, other = (
        zoo.build(name, in_channels=1, n_classes=4, seed=seed).state_dict() for seed in (1, 1, 2)
    )
    assert all(torch.equal(value, same[key]) for key, value in one.items())
    head = "head.weight"
    assert not torch.equal(one[head], other[head])


@for_each("name", ["cnn8-narrow", "wrn-10-1"])
def test_weights_do_not_depend_on_the_global_random_state(name: str) -> None:
    with torch.random.fork_rng(devices=[]):
        one = zoo.build(name, in_channels=1, n_classes=4, seed=1).state_dict()
        torch.rand(5)
        other = zoo.build(name, in_channels=1, n_classes=4, seed=1).state_dict()
    assert all(torch.equal(value, other[key]) for key, value in one.items())


@for_each("name", ["cnn8-narrow", "wrn-10-1"])
def test_building_leaves_the_global_random_state_alone(name: str) -> None:
    before = torch.random.get_rng_state()
    zoo.build(name, in_channels=1, n_classes=4, seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)


@for_each("name", zoo.names())
def test_the_head_has_as_many_outputs_as_there_are_classes(name: str) -> None:
    with torch.device("meta"):
        model = zoo.build(name, in_channels=1, n_classes=13, seed=0)
    assert find_head(model)[1].out_features == 13


@for_each("name", ["resnet18", "", "CNN8", "cnn8-wide", "wrn", "wrn-16", "wrn-16-4 "])
def test_an_unknown_name_is_told_with_what_there_is(name: str) -> None:
    problem = zoo.problem_with(name)
    assert problem is not None
    assert f"'{name}'" in problem
    assert "cnn8, cnn8-narrow and wrn-D-K" in problem


@for_each("name", ["wrn-4-1", "wrn-11-2", "wrn-15-4", "wrn-16-0", "wrn-0-1"])
def test_a_wide_residual_network_of_impossible_size_is_told_which_are_possible(name: str) -> None:
    problem = zoo.problem_with(name)
    assert problem is not None
    assert f"'{name}'" in problem
    assert "10, 16, 22, 28" in problem


@for_each("name", ["resnet18", "wrn-15-4"])
def test_building_an_impossible_model_says_why(name: str) -> None:
    with pytest.raises(InputError) as error:
        zoo.build(name, in_channels=1, n_classes=2, seed=0)
    assert str(error.value) == zoo.problem_with(name)

import math

import pytest
import torch
from torch import Tensor, nn

from raytd.models.wrn import WideResNet
from tests.cases import for_each


def network(depth: int = 16, width: int = 2) -> WideResNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return WideResNet(3, 10, depth=depth, width=width).eval()


def images(size: int = 16) -> Tensor:
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))


def convolutions(model: nn.Module) -> dict[str, nn.Conv2d]:
    return {name: m for name, m in model.named_modules() if isinstance(m, nn.Conv2d)}


def seen_by(model: nn.Module, modules: dict[str, nn.Module]) -> dict[str, tuple[Tensor, Tensor]]:
    """Input and output of each module in one pass."""
    seen = {}
    for name, module in modules.items():
        module.register_forward_hook(
            lambda _, inputs, output, name=name: seen.__setitem__(
                name, (inputs[0].clone(), output.clone())
            )
        )
    with torch.inference_mode():
        model(images())
    return seen


def test_convolutions_have_no_bias() -> None:
    assert all(c.bias is None for c in convolutions(network()).values())


@for_each("depth", [10, 16, 28])
def test_depth_counts_the_weight_layers_beside_the_shortcuts(depth: int) -> None:
    """Six layers a block triple, the stem, and by custom the three shortcuts."""
    main = [n for n in convolutions(network(depth)) if "shortcut" not in n]
    assert len(main) == depth - 3
    assert len(convolutions(network(depth))) == depth


def test_every_block_is_activated_before_it_convolves() -> None:
    model = network()
    inner = {n: c for n, c in convolutions(model).items() if n != "stem"}
    for inputs, _ in seen_by(model, inner).values():
        assert bool((inputs >= 0).all())
        assert bool((inputs == 0).any())


def test_the_head_sees_activated_means() -> None:
    model = network()
    inputs, _ = seen_by(model, {"head": model.head})["head"]
    assert inputs.shape == (2, 128)
    assert bool((inputs >= 0).all())


def test_a_block_whose_last_convolution_is_zero_passes_its_input_on() -> None:
    """Nothing stands on the skip connection: neither batch norm nor ReLU."""
    model = network()
    block = model.blocks[1]
    nn.init.zeros_(block.conv2.weight)
    inputs, output = seen_by(model, {"block": block})["block"]
    assert bool((inputs < 0).any())
    assert torch.equal(inputs, output)


def test_only_blocks_that_change_the_width_have_a_shortcut() -> None:
    def with_shortcut(width: int) -> list[bool]:
        return [block.shortcut is not None for block in network(16, width).blocks]

    assert with_shortcut(2) == [True, False, True, False, True, False]
    assert with_shortcut(1) == [False, False, True, False, True, False]


def test_the_second_and_third_group_halve_the_image() -> None:
    model = network()
    names = {f"block {index}": block for index, block in enumerate(model.blocks)}
    shapes = [tuple(output.shape[1:]) for _, output in seen_by(model, names).values()]
    groups = [(32, 16, 16), (64, 8, 8), (128, 4, 4)]
    assert shapes == [shape for shape in groups for _ in range(2)]


def test_initial_convolutions_have_the_variance_of_he() -> None:
    for convolution in convolutions(network(16, 4)).values():
        fan_out = convolution.out_channels * math.prod(convolution.kernel_size)
        n = convolution.weight.numel()
        # The variance of n normal numbers is known to sqrt(2/n); five times that never happens.
        ratio = convolution.weight.var().item() * fan_out / 2
        assert ratio == pytest.approx(1, abs=5 * math.sqrt(2 / n))

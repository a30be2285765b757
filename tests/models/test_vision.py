import pytest
import torch
from torch import nn
from torchvision import models

from raytd.errors import InputError
from raytd.models import zoo
from raytd.models.heads import find_head
from tests.cases import for_each


def build(name: str, in_channels: int = 3, n_classes: int = 7) -> nn.Module:
    return zoo.build(name, in_channels=in_channels, n_classes=n_classes, seed=0)


@for_each(("name", "head"), [("resnet18", "fc"), ("mobilenet_v3_small", "classifier.3")])
def test_a_network_of_torchvision_is_torchvision_s_own_with_the_wanted_head(
    name: str, head: str
) -> None:
    model = build(f"torchvision:{name}")
    found, layer = find_head(model)
    own = models.get_model(name, weights=None, num_classes=7)
    assert found == head
    assert layer.weight.shape == own.get_submodule(head).weight.shape
    assert {k: v.shape for k, v in model.state_dict().items()} == {
        k: v.shape for k, v in own.state_dict().items()
    }


def test_arguments_go_to_torchvision() -> None:
    name = "torchvision:mobilenet_v3_small(dropout=0.7)"
    assert zoo.problem_with(name) is None
    assert [m.p for m in build(name).modules() if isinstance(m, nn.Dropout)] == [0.7]


def test_grey_images_are_given_to_all_three_channels() -> None:
    grey, colour = (build("torchvision:resnet18", c).eval() for c in (1, 3))
    colour.load_state_dict(grey.state_dict())
    images = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(grey(images), colour(images.repeat(1, 3, 1, 1)))


def test_initial_weights_follow_the_seed_and_are_downloaded_from_nowhere() -> None:
    one, same = (build("torchvision:resnet18").state_dict() for _ in range(2))
    torch.testing.assert_close(one, same, rtol=0, atol=0)


@for_each(
    ("name", "hint"),
    [
        ("torchvision:resnet81", "did you mean 'torchvision:resnet18'?"),
        ("torchvision:zzz", "torchvision.models.list_models() names them"),
        ("torchvision:fasterrcnn_resnet50_fpn", ""),
        ("torchvision:", "torchvision.models.list_models() names them"),
    ],
)
def test_a_name_that_torchvision_does_not_know_is_one_line(name: str, hint: str) -> None:
    problem = zoo.problem_with(name)
    assert problem is not None
    assert problem.startswith(f"torchvision has no classifier '{name.partition(':')[2]}'; ")
    assert problem.endswith(hint)
    assert "\n" not in problem


def test_arguments_that_torchvision_does_not_take_are_one_line() -> None:
    with pytest.raises(InputError, match=r"^torchvision:resnet18\(depth=3\): TypeError: ") as error:
        build("torchvision:resnet18(depth=3)")
    assert "\n" not in str(error.value)

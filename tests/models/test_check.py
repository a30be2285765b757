from pathlib import Path

import pytest
import torch

from raytd.errors import InputError
from raytd.models.check import check_model
from tests.cases import for_each

GREY = (1, 8, 8)


@for_each("name", ["cnn8-narrow", "wrn-10-1", "torchvision:resnet18", "their_nets:plain(width=4)"])
@for_each("shape", [GREY, (3, 8, 8)])
def test_a_usable_model_passes_and_the_global_random_state_is_left_alone(
    nets: Path, name: str, shape: tuple[int, int, int]
) -> None:
    before = torch.random.get_rng_state()
    check_model(name, image_shape=shape, n_classes=5)
    assert torch.equal(torch.random.get_rng_state(), before)


@for_each(
    ("model", "message"),
    [
        ("headless", "no linear layer to serve as head"),
        ("narrow", "the last linear layer '1' has 3 outputs, not one for each of 5 classes"),
        ("unbiased", "the last linear layer '1' has no bias"),
        ("softmax", "does not return what its last linear layer computes"),
        ("flat", "gives (20,) for 4 images in evaluation mode, not (4, 5)"),
        ("pair", "gives a tuple in evaluation mode, not a tensor of logits"),
        ("infinite", "gives values that are not finite in training mode"),
        ("dropped", "gives other logits each time in evaluation mode"),
        ("widening", "'1.weight' depends on the number of classes"),
        ("unseeded", "the same seed gives other weights"),
        ("broken", "RuntimeError: no such luck"),
        ("text", "gives a str, not a torch.nn.Module"),
        ("plain(width=-1)", "RuntimeError: "),
    ],
)
def test_a_model_that_cannot_be_used_is_told_why_in_one_line(
    nets: Path, model: str, message: str
) -> None:
    with pytest.raises(InputError) as error:
        check_model(f"their_nets:{model}", image_shape=GREY, n_classes=5)
    assert message in str(error.value)
    assert str(error.value).startswith(f"their_nets:{model}: ")
    assert "\n" not in str(error.value)


def test_a_model_that_is_too_deep_for_the_images_is_told_their_size() -> None:
    with pytest.raises(InputError, match=r"^torchvision:alexnet: fails on images of 3×8×8 \("):
        check_model("torchvision:alexnet", image_shape=(3, 8, 8), n_classes=2)

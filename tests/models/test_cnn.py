import torch
from torch import nn

from raytd.models.cnn import CNN8, NARROW
from tests.cases import for_each


def network(**options: float) -> CNN8:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return CNN8(1, 5, widths=NARROW, **options)


def images(size: tuple[int, int] = (8, 8)) -> torch.Tensor:
    return torch.randn(3, 1, *size, generator=torch.Generator().manual_seed(0))


@for_each(
    ("size", "last"),
    [
        ((32, 32), (4, 4)),
        ((28, 28), (3, 3)),
        ((16, 16), (2, 2)),
        ((8, 8), (2, 2)),
        ((4, 4), (2, 2)),
        ((3, 3), (3, 3)),
        ((32, 3), (32, 3)),
    ],
)
def test_the_image_is_halved_while_its_shorter_side_has_four_pixels(
    size: tuple[int, int], last: tuple[int, int]
) -> None:
    model, seen = network().eval(), []
    model.convolutions[-1].register_forward_hook(lambda *args: seen.append(args[-1].shape[-2:]))
    assert model(images(size)).shape == (3, 5)
    assert [tuple(shape) for shape in seen] == [last]


def test_dropout_acts_in_training_and_not_in_evaluation() -> None:
    model = network(dropout=0.5)
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(0)
        model.train()
        assert not torch.equal(model(images()), model(images()))
        model.eval()
        assert torch.equal(model(images()), model(images()))


def test_without_dropout_training_draws_no_random_numbers() -> None:
    model = network(dropout=0.0).train()
    with torch.inference_mode():
        assert torch.equal(model(images()), model(images()))


def test_convolutions_leave_the_bias_to_batch_norm() -> None:
    model = network()
    assert all(m.bias is None for m in model.modules() if isinstance(m, nn.Conv2d))
    assert sum(isinstance(m, nn.BatchNorm2d) for m in model.modules()) == 7

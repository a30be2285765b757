"""Plain SGD on the images of one task."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from raytd.errors import NotFiniteError
from raytd.transfer.rule import SgdRule
from raytd.transfer.settings import Descent

Labelled = tuple[Float[Tensor, "batch c h w"], Int64[Tensor, " batch"]]


def epoch_order(
    n_images: int, *, batch_size: int, stream: Callable[[int], torch.Generator]
) -> Iterator[Int64[Tensor, " batch"]]:
    """Indices of the images of every step, without end: shuffled epochs cut into batches.

    A last batch of one image is left out where others are larger: batch norm has no variance
    there.

    Args:
        n_images: how many there are.
        batch_size: images per step.
        stream: random stream of each epoch, counted from 0.
    """
    smallest = min(2, batch_size, n_images)
    epoch = 0
    while True:
        order = torch.randperm(n_images, generator=stream(epoch))
        yield from (b for b in torch.split(order, batch_size) if len(b) >= smallest)
        epoch += 1


def descend(
    model: nn.Module,
    batches: Iterable[Labelled],
    descent: Descent,
    *,
    steps: int,
    rate: Callable[[int], float] = lambda _: 1.0,
) -> Iterator[int]:
    """Trains a model in place from rest; yields the number of steps done after each of them.

    Each step is taken in training mode, whatever mode the model is left in between two.

    Args:
        model: its values are overwritten.
        batches: images and labels, at least one for every step.
        descent: how large they are.
        steps: how many.
        rate: the share of the learning rate that each step uses, counted from 0.
    """
    rule = SgdRule(model, momentum=descent.momentum, weight_decay=descent.weight_decay)
    for step, (images, labels) in enumerate(islice(batches, steps)):
        model.train()
        rule.step(F.cross_entropy(model(images), labels), descent.lr * rate(step))
        yield step + 1


def check_finite(model: nn.Module, step: int, *, doing: str, section: str, lr: float) -> None:
    """Refuses to go on from weights that are no numbers.

    Args:
        model: in training.
        step: how many steps it has taken.
        doing: what it is trained for, in words.
        section: of the sweep file that has the learning rate.
        lr: that rate.

    Raises:
        NotFiniteError: if a weight became NaN or infinite.
    """
    if not all(torch.isfinite(p).all() for p in model.parameters()):
        raise NotFiniteError(
            f"{doing}, step {step}: the weights became NaN or infinite; lower {section}.lr "
            f"(it is {lr:g})"
        )

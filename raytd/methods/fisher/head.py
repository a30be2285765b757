"""A fresh linear head, trained on features that stay as they are."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn


def fit_head(  # noqa: PLR0913 - the settings of Adam and of the batches, all by keyword
    features: Float[Tensor, "n d"],
    labels: Int64[Tensor, " n"],
    *,
    n_classes: int,
    steps: int,
    batch_size: int,
    lr: float,
    weight_decay: float,
    generator: torch.Generator,
) -> nn.Linear:
    """The head that cross-entropy and Adam make of zeros; it needs no gradients afterwards.

    Args:
        features: what the head sees.
        labels: what it is to say.
        n_classes: its outputs.
        steps: of Adam.
        batch_size: images per step.
        lr: learning rate.
        weight_decay: of Adam, added to the gradient.
        generator: of the order of images.
    """
    with torch.random.fork_rng(devices=[]):  # a layer draws weights, which zeros replace
        head = nn.Linear(features.shape[1], n_classes).to(features.device)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.zero_()
    optimizer = torch.optim.Adam(head.parameters(), lr=lr, weight_decay=weight_decay)
    for batch in batches(len(labels), batch_size=batch_size, count=steps, generator=generator):
        chosen = batch.to(features.device)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(F.cross_entropy(head(features[chosen]), labels[chosen]))
        optimizer.step()
    head.requires_grad_(False)
    return head


def batches(
    n_images: int, *, batch_size: int, count: int, generator: torch.Generator
) -> Iterator[Int64[Tensor, " batch"]]:
    """`count` batches of shuffled epochs; the rest of an epoch is a batch of its own."""
    given = 0
    while given < count:
        order = torch.randperm(n_images, generator=generator)
        for batch in torch.split(order, batch_size)[: count - given]:
            given += 1
            yield batch

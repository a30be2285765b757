"""Networks so plain that a test can train them by hand."""

import torch
from torch import Tensor, nn

SEEN = {True: 0, False: 0}
"""How many images went forward through `counting`, in training mode and out of it."""


def linear(*, in_channels: int, n_classes: int) -> nn.Module:
    """Softmax regression on 8×8 images."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64 * in_channels, n_classes))


def two_layers(*, in_channels: int, n_classes: int, width: int = 6) -> nn.Module:
    """One hidden layer of tanh units."""
    hidden = nn.Linear(64 * in_channels, width)
    return nn.Sequential(nn.Flatten(), hidden, nn.Tanh(), nn.Linear(width, n_classes))


def normed(*, in_channels: int, n_classes: int) -> nn.Module:
    """A convolution with all that a network can carry along: batch norm and dropout."""
    return nn.Sequential(
        nn.Conv2d(in_channels, 4, 3, stride=2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Flatten(),
        nn.Linear(36, n_classes),
    )


class _Counting(nn.Flatten):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name of the base class
        SEEN[self.training] += len(input)
        return super().forward(input)


def counting(*, in_channels: int, n_classes: int) -> nn.Module:
    """Softmax regression that counts its images."""
    return nn.Sequential(_Counting(), nn.Linear(64 * in_channels, n_classes))


class _Dead(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


def blind(*, in_channels: int, n_classes: int) -> nn.Module:
    """Softmax regression that sees black images, and so learns the shares of the classes."""
    return nn.Sequential(nn.Flatten(), _Dead(), nn.Linear(64 * in_channels, n_classes))

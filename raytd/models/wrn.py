"""Wide residual networks, Zagoruyko and Komodakis (2016)."""

import torch.nn.functional as F
from torch import Tensor, nn


class _Block(nn.Module):
    """Pre-activation residual block of two 3×3 convolutions."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(before)
        self.conv1 = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.shortcut = (
            None if before == after else nn.Conv2d(before, after, 1, stride=stride, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        activated = F.relu(self.norm1(x), inplace=True)
        skip = x if self.shortcut is None else self.shortcut(activated)
        hidden = F.relu(self.norm2(self.conv1(activated)), inplace=True)
        result: Tensor = skip + self.conv2(hidden)
        return result


class WideResNet(nn.Module):
    """WRN-D-K: three groups of (D − 4)/6 residual blocks, K times wider than ResNet's.

    Convolutions have no bias and He initialisation; the second and third group halve the image.
    WRN-16-4 with ten classes has 2.75 million parameters.

    Args:
        in_channels: channels of an image.
        n_classes: outputs of the head.
        depth: D, four more than a multiple of six.
        width: K.
    """

    def __init__(self, in_channels: int, n_classes: int, *, depth: int, width: int) -> None:
        super().__init__()
        per_group = (depth - 4) // 6
        channels = [16, 16 * width, 32 * width, 64 * width]
        self.stem = nn.Conv2d(in_channels, channels[0], 3, padding=1, bias=False)
        self.blocks = nn.Sequential(
            *(
                _Block(
                    channels[group] if index == 0 else channels[group + 1],
                    channels[group + 1],
                    stride=2 if index == 0 and group > 0 else 1,
                )
                for group in range(3)
                for index in range(per_group)
            )
        )
        self.norm = nn.BatchNorm2d(channels[-1])
        self.head = nn.Linear(channels[-1], n_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, classes) of images (batch, channels, height, width)."""
        hidden = F.relu(self.norm(self.blocks(self.stem(x))), inplace=True)
        logits: Tensor = self.head(hidden.mean(dim=(-2, -1)))
        return logits

"""A plain convolutional network of eight weight layers."""

from collections.abc import Sequence

from torch import Tensor, nn

WIDE = (64, 64, 128, 128, 256, 256, 256)
NARROW = (16, 16, 32, 32, 64, 64, 64)


class CNN8(nn.Module):
    """Seven 3×3 convolutions with batch norm and ReLU, then dropout and one linear layer.

    The image is halved after the second, fourth and sixth convolution as long as its shorter side
    is at least four pixels, so that 8×8 digits and 32×32 photographs both fit; a global mean
    precedes the head.

    The paper names the layers but not their widths. `WIDE` doubles them with every halving, as is
    usual, which makes 1,739,210 parameters with three input channels and ten classes: fewer than
    the 2,748,890 of WRN-16-4, the larger network of its figure 5. `NARROW`, for small images and
    no GPU, is a quarter as wide and has 109,946.

    Args:
        in_channels: channels of an image.
        n_classes: outputs of the head.
        widths: output channels of the seven convolutions.
        dropout: probability of dropping a feature before the head, in training mode.
    """

    def __init__(
        self,
        in_channels: int,
        n_classes: int,
        *,
        widths: Sequence[int] = WIDE,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        channels = [in_channels, *widths]
        self.convolutions = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(inplace=True),
            )
            for before, after in zip(channels, channels[1:], strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(widths[-1], n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, classes) of images (batch, channels, height, width)."""
        for index, convolution in enumerate(self.convolutions):
            x = convolution(x)
            if index in (1, 3, 5) and min(x.shape[-2:]) >= 4:
                x = self.pool(x)
        logits: Tensor = self.head(self.dropout(x.mean(dim=(-2, -1))))
        return logits

"""The number format in which a network's layers compute."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from raytd.transfer.settings import Precision


def forward(
    model: nn.Module, images: Float[Tensor, "n c h w"], precision: Precision
) -> Float[Tensor, "n classes"]:
    """Logits of images, in float32 at least, however the layers before computed.

    `bfloat16` is PyTorch's autocast: convolutions and matrix products take and give 8 significant
    bits, weights and what the optimiser does with them stay as they are. The logits are cast back,
    so that softmax, losses and lengths lose no more. `float32` leaves the model as it is.
    """
    if precision == "float32":
        logits: Tensor = model(images)
        return logits
    with torch.autocast(images.device.type, torch.bfloat16):
        logits = model(images)
    return logits.float()

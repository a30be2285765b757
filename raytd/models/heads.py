"""The last linear layer of a network: find it, look before it, give it more outputs."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from raytd.errors import InputError


def find_head(model: nn.Module) -> tuple[str, nn.Linear]:
    """Name and module of the last linear layer, in order of registration.

    Raises:
        InputError: if the model has no linear layer.
    """
    linear = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Linear)]
    if not linear:
        raise InputError("model: no linear layer to serve as head; end it with torch.nn.Linear")
    return linear[-1]


def penultimate(model: nn.Module) -> Callable[[Tensor], Float[Tensor, "batch features"]]:
    """The map φ from images to what the head sees, eq. (14), in the model's present mode."""
    _, head = find_head(model)

    def features(images: Tensor) -> Tensor:
        seen: list[Tensor] = []
        hook = head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        try:
            model(images)
        finally:
            hook.remove()
        return seen[-1].flatten(1)

    return features


def extension_logit(logits: Float[Tensor, "images classes"], *, mass: float) -> float:
    """Logit b of one constant further output that has the probability `mass` on average.

    With Z(x) the sum of exponentials of the present logits, it solves
    mean_x[ e^b / (e^b + Z(x)) ] = mass, by bisection in float64.
    """
    log_z = logits.double().logsumexp(dim=1)
    target = torch.logit(torch.tensor(mass, dtype=torch.float64)).item()
    low, high = log_z.min().item() + target, log_z.max().item() + target
    for _ in range(100):
        middle = (low + high) / 2
        if torch.sigmoid(middle - log_z).mean().item() < mass:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def extend_head(
    parameters: dict[str, Tensor], *, head: str, n_classes: int, logit: float
) -> dict[str, Tensor]:
    """Parameters whose head has `n_classes` outputs: the present ones, then new constant ones.

    New outputs have zero weights and share the mass of one output with bias `logit`, so that
    present probabilities keep their ratios exactly.

    Args:
        parameters: of the model, by name.
        head: name of the linear layer.
        n_classes: outputs wanted, at least as many as there are.
        logit: of all new outputs together, see `extension_logit`.

    Raises:
        InputError: if the head has more outputs than wanted, or no bias.
    """
    weight, bias = parameters[f"{head}.weight"], parameters.get(f"{head}.bias")
    n_new = n_classes - weight.shape[0]
    if n_new < 0 or bias is None:
        raise InputError(
            f"{head}: cannot be extended from {tuple(weight.shape)} to {n_classes} outputs"
            + ("" if bias is not None else " without a bias")
        )
    if n_new == 0:
        return parameters
    each = logit - math.log(n_new)
    return parameters | {
        f"{head}.weight": torch.cat([weight, weight.new_zeros(n_new, weight.shape[1])]),
        f"{head}.bias": torch.cat([bias, bias.new_full((n_new,), each)]),
    }

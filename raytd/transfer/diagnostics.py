"""What the theory watches along a trajectory beside its length."""

import warnings
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, jvp

from raytd.simplex import log_probs


def fisher_rao_forms(
    model: nn.Module, images: Float[Tensor, "n c h w"]
) -> tuple[Float[Tensor, "n classes"], Float[Tensor, " n"]]:
    """Log probabilities of images, and each one's share of ‖w‖² = ⟨w, g w⟩, eq. (7).

    With J the Jacobian of the logits, the Fisher form of one input is Var_{y∼p}[(J w)_y]; its mean
    over inputs is the squared Fisher-Rao norm. J w comes from the same pass, by forward-mode
    differentiation along the weights themselves.

    Args:
        model: in the mode in which it is to be judged; buffers are constants.
        images: inputs.
    """
    weights = {name: parameter.detach() for name, parameter in model.named_parameters()}
    buffers = dict(model.named_buffers())

    def logits_of(parameters: dict[str, Tensor]) -> Tensor:
        logits: Tensor = functional_call(model, (parameters, buffers), (images,))
        return logits

    with torch.no_grad(), warnings.catch_warnings():
        # PyTorch's own set-up of forward mode uses what it has deprecated.
        warnings.filterwarnings("ignore", "`torch.jit.script", FutureWarning)
        logits, moved, *_ = jvp(logits_of, (weights,), (weights,))
        log_p, moved = log_probs(logits), moved.double()
        p = log_p.exp()
        centred = moved - (p * moved).sum(dim=-1, keepdim=True)
        return log_p, (p * centred**2).sum(dim=-1)


def integral(values: Sequence[float], taus: Sequence[float]) -> float:
    """∫ f dτ by the trapezoidal rule over the knots, as eq. (21) asks of the Fisher-Rao norm."""
    pairs = zip(values, values[1:], taus, taus[1:], strict=False)
    return sum((f + g) / 2 * (b - a) for f, g, a, b in pairs)

"""Networks of torchvision by `torchvision:NAME`."""

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from raytd.errors import InputError, in_one_line
from raytd.models.factory import Call

if TYPE_CHECKING:
    from torch import Tensor, nn

PREFIX = "torchvision:"


def problem_with(base: str) -> str | None:
    """Why `torchvision:NAME` is no network of the installed torchvision; None if it is one."""
    from torchvision import models

    known = models.list_models(module=models)
    name = base.removeprefix(PREFIX)
    if name in known:
        return None
    close = get_close_matches(name, known, n=1)
    hint = (
        f"did you mean '{PREFIX}{close[0]}'?"
        if close
        else "torchvision.models.list_models() names them"
    )
    return f"torchvision has no classifier '{name}'; {hint}"


def make(call: Call, *, in_channels: int, n_classes: int) -> "nn.Module":
    """An untrained network; grey images are given to all three channels.

    Raises:
        InputError: if its arguments do not fit.
    """
    from torchvision import models

    name = call.base.removeprefix(PREFIX)
    try:
        model: nn.Module = models.get_model(
            name, weights=None, num_classes=n_classes, **call.arguments
        )
    except Exception as error:
        raise InputError(f"{call}: {in_one_line(error)}") from error
    if in_channels == 1:
        model.register_forward_pre_hook(_three_channels)
    return model


def _three_channels(_: Any, inputs: "tuple[Tensor, ...]") -> "tuple[Tensor, ...]":
    return (inputs[0].expand(-1, 3, -1, -1), *inputs[1:])

"""Models by name."""

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from raytd.errors import InputError
from raytd.models import factory, vision

if TYPE_CHECKING:
    from torch import nn

_WRN = re.compile(r"wrn-(0|[1-9][0-9]{0,3})-(0|[1-9][0-9]{0,3})")


def names() -> list[str]:
    """Names to suggest; every `wrn-D-K` with D = 6 n + 4 is a name too."""
    return ["cnn8", "cnn8-narrow", "wrn-10-1", "wrn-16-1", "wrn-16-4", "wrn-28-10"]


def problem_with(name: str) -> str | None:
    """Why `name` is not a model, in words; None if it is one.

    A user's module is imported for that, torchvision where the name says so.
    """
    try:
        call = factory.parse(name)
        if call.base.startswith(vision.PREFIX):
            return vision.problem_with(call.base)
        if ":" in call.base:
            factory.require(call.base)
            return None
    except InputError as error:
        return str(error)
    return _problem_with_own(name)


def nearest(name: str) -> str | None:
    """The suggested name most like `name`; None if none is."""
    return next(iter(get_close_matches(name, names(), n=1)), None)


def is_own(name: str) -> bool:
    """Whether a model comes with raytd, so that nobody else's code has to be judged."""
    return ":" not in name


def canonical(name: str) -> str:
    """The one spelling of a model that identities use."""
    return str(factory.parse(name))


def code_digest(name: str) -> str | None:
    """Digest of the code behind a user's factory; None for a model that is known by its name."""
    base = factory.parse(name).base
    return None if is_own(base) or base.startswith(vision.PREFIX) else factory.code_digest(base)


def build(name: str, *, in_channels: int, n_classes: int, seed: int) -> "nn.Module":
    """A freshly initialised network; the same seed gives the same weights.

    Args:
        name: a name that `problem_with` accepts.
        in_channels: channels of an image.
        n_classes: outputs of the head.
        seed: of the initial weights; the global random state is left as it was.

    Raises:
        InputError: if the name is not a model, or a user's factory fails.
    """
    import torch

    problem = problem_with(name)
    if problem is not None:
        raise InputError(problem)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        if is_own(name):
            return _own(name, in_channels, n_classes)
        call = factory.parse(name)
        make = vision.make if call.base.startswith(vision.PREFIX) else factory.make
        return make(call, in_channels=in_channels, n_classes=n_classes)


def _problem_with_own(name: str) -> str | None:
    if name in ("cnn8", "cnn8-narrow"):
        return None
    match = _WRN.fullmatch(name)
    if match is None:
        return (
            f"unknown model '{name}'; there are cnn8, cnn8-narrow and wrn-D-K, torchvision:NAME "
            "and package.module:factory"
        )
    depth, width = int(match[1]), int(match[2])
    if depth < 10 or (depth - 4) % 6 != 0 or width < 1:
        return f"'{name}' is no wide residual network: D must be 10, 16, 22, 28, … and K at least 1"
    return None


def _own(name: str, in_channels: int, n_classes: int) -> "nn.Module":
    from raytd.models.cnn import CNN8, NARROW, WIDE
    from raytd.models.wrn import WideResNet

    if name.startswith("cnn8"):
        widths = NARROW if name == "cnn8-narrow" else WIDE
        return CNN8(in_channels, n_classes, widths=widths)
    _, depth, width = name.split("-")
    return WideResNet(in_channels, n_classes, depth=int(depth), width=int(width))

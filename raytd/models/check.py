"""Whether a network can be used: built and run once before anything starts."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from raytd.errors import InputError, in_one_line
from raytd.models import zoo
from raytd.models.heads import find_head

_BATCH = 4


def check_model(name: str, *, image_shape: tuple[int, int, int], n_classes: int) -> None:
    """Builds a network and runs it in both modes.

    It must have a last linear layer with a bias, whose output it returns as logits; initial weights
    that follow the seed; finite outputs, in evaluation mode the same ones each time; and no layer
    beside the head that depends on the number of classes.

    Args:
        name: of the model.
        image_shape: channels, height and width.
        n_classes: outputs that it is to have.

    Raises:
        InputError: in one line, that says what is missing.
    """
    try:
        one, same, larger = (
            zoo.build(name, in_channels=image_shape[0], n_classes=n, seed=0)
            for n in (n_classes, n_classes, n_classes + 1)
        )
        head = _check_head(one, n_classes)
        _check_weights(one, same, larger, head)
        for training in (False, True):
            _check_outputs(one.train(training), image_shape, n_classes)
    except InputError as error:
        text, base = str(error), name.partition("(")[0]
        raise InputError(text if text.startswith(base) else f"{name}: {text}") from error


def _check_head(model: nn.Module, n_classes: int) -> str:
    name, head = find_head(model)
    if head.out_features != n_classes:
        raise InputError(
            f"the last linear layer '{name}' has {head.out_features} outputs, not one for each of "
            f"{n_classes} classes; give it n_classes"
        )
    if head.bias is None:
        raise InputError(f"the last linear layer '{name}' has no bias; new outputs start by theirs")
    return name


def _check_weights(one: nn.Module, same: nn.Module, larger: nn.Module, head: str) -> None:
    first, second = one.state_dict(), same.state_dict()
    if _shapes(first) != _shapes(second) or not all(
        torch.equal(v, second[k]) for k, v in first.items()
    ):
        raise InputError("the same seed gives other weights; initialise with torch's own functions")
    own = {f"{head}.weight", f"{head}.bias"}
    before, after = _shapes(first), _shapes(larger.state_dict())
    other = [k for k in {**before, **after} if k not in own and before.get(k) != after.get(k)]
    if other:
        raise InputError(
            f"'{other[0]}' depends on the number of classes, as only the last linear layer "
            f"'{head}' may"
        )


def _check_outputs(model: nn.Module, image_shape: tuple[int, int, int], n_classes: int) -> None:
    mode = "training" if model.training else "evaluation"
    seen: list[Tensor] = []
    handle = find_head(model)[1].register_forward_hook(lambda *call: seen.append(call[-1].clone()))
    try:
        logits, again = (_forward(model, image_shape, seed=seed) for seed in (0, 1))
    finally:
        handle.remove()
    if not isinstance(logits, Tensor):
        raise InputError(f"gives a {type(logits).__name__} in {mode} mode, not a tensor of logits")
    if logits.shape != (_BATCH, n_classes):
        raise InputError(
            f"gives {tuple(logits.shape)} for {_BATCH} images in {mode} mode, not "
            f"{(_BATCH, n_classes)}"
        )
    if not logits.isfinite().all():
        raise InputError(f"gives values that are not finite in {mode} mode")
    if not seen or not torch.equal(seen[0], logits):
        raise InputError(
            "does not return what its last linear layer computes; return the logits as they are"
        )
    if not model.training and not torch.equal(logits, again):
        raise InputError("gives other logits each time in evaluation mode")


def _forward(
    model: nn.Module, image_shape: tuple[int, int, int], *, seed: int
) -> Float[Tensor, "batch classes"]:
    """Logits of the same images each time; the seed is that of what layers draw."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(_BATCH, *image_shape, generator=generator)
    try:
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            logits: Tensor = model(images)
            return logits
    except (Exception, SystemExit) as error:
        size = "×".join(map(str, image_shape))
        raise InputError(
            f"fails on images of {size} ({in_one_line(error)}); mend it, or take larger images"
        ) from error


def _shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in state.items()}

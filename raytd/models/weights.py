"""Weights that a user brings: read without running anything that is in the file, and fitted."""

import hashlib
import io
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from raytd.errors import InputError, os_reason
from raytd.models.heads import find_head


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, 16 hex digits.

    Raises:
        InputError: in one line, if it cannot be read.
    """
    return hashlib.sha256(_content(path)).hexdigest()[:16]


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name, from safetensors or from a state dict that `torch.save` wrote.

    Sources that raytd itself keeps can be read too.

    Raises:
        InputError: in one line that names the file, if it holds anything else.
    """
    content = _content(path)
    if content[8:9] == b"{":
        try:
            held = load_safetensors(content)
        except SafetensorError as error:
            raise InputError(f"{path}: is damaged ({error}); write it again") from error
        found = {name.rpartition("/")[2]: tensor for name, tensor in held.items()}
        if len(found) < len(held):
            raise InputError(f"{path}: two of its tensors have one name after the last '/'")
        return found
    return _state_dict(path, content)


def load_weights(
    model: nn.Module, weights: Mapping[str, Tensor], *, path: Path, name: str, task: str
) -> None:
    """Copies weights into a model, every one of which must be there and fit.

    Args:
        model: whose head has one output for each class of the task.
        weights: by name, see `read_weights`.
        path: where they are from, for messages.
        name: of the model, for messages.
        task: that the model was trained on, for messages.

    Raises:
        InputError: in one line that names the file.
    """
    wanted = model.state_dict()
    head = f"{find_head(model)[0]}.weight"
    if head in weights and weights[head].shape[:1] != wanted[head].shape[:1]:
        raise InputError(
            f"{path}: its head '{head}' has the shape {tuple(weights[head].shape)}, but {name} "
            f"with the {len(wanted[head])} classes of {task} has {tuple(wanted[head].shape)}; "
            "bring weights that were trained on these classes, in the order of the task"
        )
    lacking = [k for k in wanted if k not in weights and not k.endswith("num_batches_tracked")]
    too_many = [k for k in weights if k not in wanted]
    if lacking or too_many:
        raise InputError(
            f"{path}: "
            + "; ".join(_listed(lacking, "lacks") + _listed(too_many, "has an unknown"))
            + f"; are these the weights of {name}?"
        )
    for key, tensor in weights.items():
        if tensor.shape != wanted[key].shape:
            raise InputError(
                f"{path}: '{key}' has the shape {tuple(tensor.shape)}, but that of {name} has "
                f"{tuple(wanted[key].shape)}; are these the weights of {name}?"
            )
        if problem := _problem_with_values(tensor, wanted[key].dtype):
            raise InputError(f"{path}: '{key}' holds {problem}")
    model.load_state_dict({**wanted, **weights})


def _problem_with_values(tensor: Tensor, dtype: torch.dtype) -> str | None:
    """Why the values of a tensor cannot be those of a model, in words; None if they can.

    Numbers of more digits than the model has are rounded to the nearest that it has.
    """
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
        return f"a tensor of another layout ({tensor.layout}, {tensor.dtype}); save a dense one"
    if tensor.dtype != dtype and tensor.is_floating_point() != dtype.is_floating_point:
        return f"numbers of the kind {tensor.dtype}, but the model has {dtype}; save those"
    if not tensor.isfinite().all():
        return "values that are not finite; train it again"
    if not tensor.to(dtype).isfinite().all():
        return f"values that are too large for {dtype}, the numbers of the model; train it again"
    return None


def _content(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            what = "the weights must be a file that stays: it is read many times"
            raise InputError(f"{path}: {what}")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: the weights cannot be read ({os_reason(error)})") from error


def _state_dict(path: Path, content: bytes) -> dict[str, Tensor]:
    try:
        held = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        refused = isinstance(error, pickle.UnpicklingError) and content[:2] == b"PK"
        if refused or content[:1] == b"\x80":
            raise InputError(
                f"{path}: holds pickled objects other than tensors, which are not read because "
                "that can run code; save model.state_dict() alone, or write safetensors"
            ) from error
        raise InputError(
            f"{path}: is neither safetensors nor a state dict of torch.save, or is damaged; "
            "write it again"
        ) from error
    if not isinstance(held, Mapping):
        raise InputError(f"{path}: holds a {type(held).__name__}; save model.state_dict()")
    other = [str(k) for k, v in held.items() if not (isinstance(k, str) and isinstance(v, Tensor))]
    if other:
        raise InputError(
            f"{path}: is no state dict, its '{other[0]}' is not a tensor; save model.state_dict() "
            "alone"
        )
    return dict(held)


def _listed(keys: list[str], verb: str) -> list[str]:
    if not keys:
        return []
    more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
    return [f"{verb} '{keys[0]}'{more}"]

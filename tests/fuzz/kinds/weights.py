"""Weights that a user brings: what the network has of them beside what the library reads."""

import io
from pathlib import Path

import safetensors.torch
import torch

from raytd.models import zoo
from raytd.models.weights import load_weights, read_weights
from tests.fuzz.kind import Kind
from tests.fuzz.mutate import of_bytes, of_safetensors
from tests.fuzz.watch import Coerced


def _network() -> torch.nn.Module:
    return zoo.build("cnn8-narrow", in_channels=1, n_classes=3, seed=0)


def _use(folder: Path) -> None:
    (path,) = folder.iterdir()
    model = _network()
    load_weights(model, read_weights(path), path=path, name="cnn8-narrow", task="t")
    if path.suffix == ".safetensors":
        held = safetensors.torch.load_file(path)
    else:
        held = torch.load(path, weights_only=True)
    for key, value in model.state_dict().items():
        if key in held and not torch.equal(value.double(), held[key].to(value.dtype).double()):
            raise Coerced(f"{key} is not what the file holds")
        if not value.isfinite().all():
            raise Coerced(f"{key} is not finite")


def _saved() -> bytes:
    buffer = io.BytesIO()
    torch.save(_network().state_dict(), buffer)
    return buffer.getvalue()


_STATE = _network().state_dict()
_DOUBLE = {k: v.double() if v.is_floating_point() else v for k, v in _STATE.items()}

WEIGHTS = Kind(
    "weights",
    [
        {"model.safetensors": safetensors.torch.save(_STATE)},
        {"model.safetensors": safetensors.torch.save(_DOUBLE)},
        {"model.pt": _saved()},
    ],
    _use,
    {".safetensors": of_safetensors, ".pt": of_bytes},
)

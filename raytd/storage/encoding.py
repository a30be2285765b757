"""Objects of the engine as bytes and back, to the bit, without pickle.

Tensors and arrays lie in the safetensors format beside a JSON tree that says where each belongs.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

_TREE = "tree"
_KIND, _CONTENT = "is", "of"


def encode(value: Any) -> bytes:
    """The bytes of a value made of frozen records, containers, numbers, text and arrays.

    Raises:
        TypeError: if something else is in it.
    """
    writer = _Writer()
    text = json.dumps(writer.tree(value), allow_nan=False).encode()
    tree = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    content: bytes = save({**writer.tensors, _TREE: tree})
    return content


def decode(content: bytes, classes: Mapping[str, type]) -> Any:
    """The value whose bytes these are.

    Args:
        content: of `encode`.
        classes: the records that may be in it, by name.

    Raises:
        ValueError: if the bytes are of something else.
    """
    try:
        tensors = load(content)
        tree = json.loads(tensors.pop(_TREE).numpy().tobytes())
        return _Reader(tensors, classes).value(tree)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with foreign bytes
        raise ValueError(f"not readable: {error}") from error


class _Writer:
    """Makes the tree and gathers the tensors; one that occurs twice is kept once."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._names: dict[int, str] = {}

    def tree(self, value: Any) -> Any:
        """The JSON of a value."""
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else _tagged("float", repr(float(value)))
        if isinstance(value, list):
            return [self.tree(v) for v in value]
        if isinstance(value, tuple):
            return _tagged("tuple", [self.tree(v) for v in value])
        if isinstance(value, Mapping):
            return _tagged("dict", [[self.tree(k), self.tree(v)] for k, v in value.items()])
        if isinstance(value, np.ndarray | Tensor):
            kind = "tensor" if isinstance(value, Tensor) else "array"
            return _tagged(kind, self._keep(value))
        if is_dataclass(value) and not isinstance(value, type):
            content = {f.name: self.tree(getattr(value, f.name)) for f in fields(value)}
            return _tagged(type(value).__name__, content)
        raise TypeError(f"{type(value).__name__} cannot be written")

    def _keep(self, value: np.ndarray | Tensor) -> str:
        """The name of a copy that shares no memory, which the format asks for."""
        if id(value) not in self._names:
            tensor = value if isinstance(value, Tensor) else torch.from_numpy(np.array(value))
            name = self._names[id(value)] = str(len(self._names))
            self.tensors[name] = tensor.detach().clone(memory_format=torch.contiguous_format)
        return self._names[id(value)]


class _Reader:
    """Makes values of a tree."""

    def __init__(self, tensors: Mapping[str, Tensor], classes: Mapping[str, type]) -> None:
        self.tensors, self.classes = tensors, classes

    def value(self, tree: Any) -> Any:
        """The value of a JSON."""
        if isinstance(tree, list):
            return [self.value(t) for t in tree]
        if not isinstance(tree, dict):
            return tree
        kind, content = tree[_KIND], tree[_CONTENT]
        if kind == "float":
            return float(content)
        if kind == "tuple":
            return tuple(self.value(t) for t in content)
        if kind == "dict":
            return {self.value(k): self.value(v) for k, v in content}
        if kind == "tensor":
            return self.tensors[content]
        if kind == "array":
            return self.tensors[content].numpy()
        return self.classes[kind](**{name: self.value(t) for name, t in content.items()})


def _tagged(kind: str, content: Any) -> dict[str, Any]:
    return {_KIND: kind, _CONTENT: content}

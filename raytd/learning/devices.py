"""Where a worker computes, and with how many threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


def pick_device(use_gpu: bool, *, deterministic: bool = True) -> torch.device:
    """A GPU where one is wanted and this process can see one, else the CPU.

    Args:
        use_gpu: whether one is wanted.
        deterministic: whether everything that this process computes on a GPU shall have the same
            bits each time. An operation that has no such form then raises RuntimeError. CPUs need
            no switch for it.
    """
    if not (use_gpu and torch.cuda.is_available()):
        return torch.device("cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # before cuBLAS starts
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = not deterministic
    return torch.device("cuda")


def device_name(device: torch.device) -> str:
    """What a result calls the device: "cpu", or the name of the GPU."""
    return "cpu" if device.type == "cpu" else torch.cuda.get_device_name(device)


def place(model: nn.Module, device: torch.device) -> nn.Module:
    """The model on a device, in the memory format that every pass here uses; the same object."""
    placed: nn.Module = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return placed


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Runs the block with `count` torch threads; other counts give other last bits."""
    before = torch.get_num_threads()
    if before != count:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if before != count:
            torch.set_num_threads(before)

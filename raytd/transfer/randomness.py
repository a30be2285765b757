"""Random streams derived from what they are for, never shared and never advanced elsewhere."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive_seed(run_seed: int, *path: str | int) -> int:
    """Seed of the stream that `path` names within a run, in [0, 2^63)."""
    text = "/".join(str(part) for part in (run_seed, *path))
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator(run_seed: int, *path: str | int) -> torch.Generator:
    """A fresh generator on the CPU for the stream that `path` names."""
    return torch.Generator().manual_seed(derive_seed(run_seed, *path))


@contextmanager
def layers_seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seeds what layers draw by themselves (dropout) inside the block, and restores it after.

    Layers of PyTorch take no generator, so the global state is forked rather than used.
    """
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.manual_seed(seed)
        yield

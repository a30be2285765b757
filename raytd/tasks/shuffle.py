"""Orders that depend on a name alone, the same on every machine."""

import hashlib

import numpy as np

from raytd.tasks.readers.contract import Indices


def shuffled(rows: Indices, stream: str) -> Indices:
    """Rows in the order of the stream of that name."""
    seed = hashlib.sha256(stream.encode()).digest()[:8]
    order: Indices = np.random.default_rng(int.from_bytes(seed, "little")).permutation(rows)
    return order

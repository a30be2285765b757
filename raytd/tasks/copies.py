"""Images that are the same to the byte: of a task's two parts, and of several tasks."""

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8, UInt64

Prints = UInt64[np.ndarray, " n"]
"""A number for each image that only the same images share."""


def prints(images: UInt8[np.ndarray, "n channels height width"]) -> Prints:
    """The first 64 bits of each image's BLAKE2b digest."""
    digests = [
        hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=8).digest()
        for image in images
    ]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def shared_counts(parts: Sequence[Prints], others: Sequence[Prints]) -> Counter[tuple[int, int]]:
    """How many different images of part i are in the other part j, for all i and j that share any.

    The work grows with the number of images, and with that of the tasks that share an image.
    """
    holders: dict[int, list[int]] = {}
    for j, other in enumerate(others):
        for image in set(other.tolist()):
            holders.setdefault(image, []).append(j)
    counts: Counter[tuple[int, int]] = Counter()
    for i, part in enumerate(parts):
        for image in set(part.tolist()):
            counts.update((i, j) for j in holders.get(image, ()))
    return counts

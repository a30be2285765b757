"""The handwritten digits that come with scikit-learn."""

from pathlib import Path

import numpy as np

from raytd.tasks.readers.arrays import ArrayImages
from raytd.tasks.readers.contract import Content, Split


def is_there(path: Path) -> bool:
    """They are part of scikit-learn."""
    return True


def read(path: Path) -> Content:
    """All 1,797 of them, 8×8 and grey; their sixteen levels become 0…240."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.minimum(bunch.images * 15, 255).astype(np.uint8)[..., None]
    labels = bunch.target.astype(np.int64)
    return Content(None, Split(labels, ArrayImages("digits", pixels)), None)

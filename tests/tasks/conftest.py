from pathlib import Path

import numpy as np
import pytest

from raytd.tasks import datasets
from raytd.tasks.datasets import Dataset


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """The digits of scikit-learn."""
    return datasets.read("digits", Path("unused"))


@pytest.fixture(scope="session")
def digit_images(digits: Dataset) -> np.ndarray:
    """All of them, of which no two are the same, so that an image identifies itself."""
    images = np.stack(list(digits.train.images.decode(np.arange(len(digits.train.labels)))))
    assert len({image.tobytes() for image in images}) == len(images)
    return images

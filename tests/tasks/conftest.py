from pathlib import Path

import pytest

from raytd.tasks import datasets
from raytd.tasks.datasets import Dataset


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """The digits, of which no two images are the same, so that an image identifies itself."""
    dataset = datasets.read("digits", Path("unused"))
    assert len({image.tobytes() for image in dataset.train.images}) == len(dataset.train.images)
    return dataset

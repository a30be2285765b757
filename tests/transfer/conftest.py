from collections.abc import Iterator

import pytest

from raytd.engine.devices import torch_threads


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Networks of this size lose more by waiting for a second thread than they gain."""
    with torch_threads(1):
        yield

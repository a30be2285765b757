"""What SECURITY.md promises of the repository as a whole."""

import ast
import re
import tomllib

import pytest

from tests.deploy.conftest import DEPLOY

PACKAGE = DEPLOY.parent / "raytd"

SECRETS = {
    "a key of AWS": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a password in a URI": r"://[^/\s:@$]+:[^/\s:@$]+@",
    "a long random word": r"\b(?=\w*[0-9])(?=\w*[a-f])[0-9a-f]{32,}\b",
    "a value for a password, secret or token": (
        r"(?i)\b\w*(password|secret|token|passwd)\w*\s*[:=]\s*[\"']?(?!\$|\{|~|/|<)[A-Za-z0-9+/]{12,}"
    ),
}


def secrets_in(text):
    return [what for what, pattern in SECRETS.items() if re.search(pattern, text)]


def test_no_file_holds_a_secret():
    files = [
        f for f in DEPLOY.rglob("*") if f.is_file() and f.suffix != ".pyc" and f.name != ".env"
    ]
    assert len(files) >= 18
    assert {str(f.relative_to(DEPLOY)): secrets_in(f.read_text()) for f in files} == {
        str(f.relative_to(DEPLOY)): [] for f in files
    }


@pytest.mark.parametrize(
    "planted",
    [
        "POSTGRES_PASSWORD: correcthorsebattery",
        "postgresql://mlflow:hunter2@database/mlflow",
        "rpc_secret = " + "0a" * 32,
        "aws_access_key_id: AKIA" + "A" * 16,
        "-----BEGIN RSA PRIVATE KEY-----",
    ],
)
def test_a_planted_secret_is_found(planted):
    assert secrets_in(planted)


def test_git_ignores_the_secrets_of_the_tracking_server():
    assert ".env" in (DEPLOY / "mlflow/.gitignore").read_text().split()


@pytest.mark.parametrize("name", ["Dockerfile", "mlflow/Dockerfile"])
def test_the_build_context_is_a_list_of_what_is_let_in(name):
    lines = (DEPLOY / f"{name}.dockerignore").read_text().splitlines()
    rules = [line for line in lines if not line.startswith("#")]
    assert rules[0] == "*"
    assert not [rule for rule in rules if ".env" in rule]


UNPICKLES = (
    r"(.*\.)?(_|cloud)?(pickle|dill)\.(load|loads|Unpickler)|joblib\.load|shelve\.open"
    r"|(pd|pandas)\.read_pickle"
)


def imported_names(tree):
    """What each name that the file imports stands for, such as `loads`: `pickle.loads`."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {name.asname: name.name for name in node.names if name.asname}
        if isinstance(node, ast.ImportFrom):
            names |= {n.asname or n.name: f"{node.module}.{n.name}" for n in node.names}
    return names


def unsafe_loads(source):
    """Calls that unpickle from a file: the pickle family, and torch.load without a guard."""
    found = []
    tree = ast.parse(source)
    names = imported_names(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        first, *rest = ast.unparse(node.func).split(".")
        call = ".".join([names.get(first, first), *rest])
        if re.fullmatch(UNPICKLES, call):
            found.append(call)
        if call == "torch.load" and "weights_only=True" not in ast.unparse(node):
            found.append(call)
        if "allow_pickle=True" in ast.unparse(node):
            found.append(call)
    return found


def test_nothing_is_unpickled_from_disk():
    files = sorted(PACKAGE.rglob("*.py"))
    assert files
    assert {f.name: unsafe_loads(f.read_text()) for f in files if unsafe_loads(f.read_text())} == {}


def test_a_planted_pickle_is_found():
    planted = [
        "pickle.load(f)",
        "torch.load(p)",
        "np.load(p, allow_pickle=True)",
        "from pickle import loads\nloads(b)",
        "from cloudpickle import loads as read\nread(b)",
        "import pickle as p\np.loads(b)",
        "from ray import cloudpickle\ncloudpickle.loads(b)",
        "from torch import load\nload(p)",
        "from pandas import read_pickle\nread_pickle(p)",
    ]
    assert [len(unsafe_loads(call)) for call in planted] == [1] * len(planted)


@pytest.mark.parametrize(
    "harmless",
    [
        "torch.load(p, weights_only=True)",
        "from torch import load\nload(p, weights_only=True)",
        "from json import loads\nloads(b)",
        "import json as pickle\npickle.loads(b)",
    ],
)
def test_other_readers_are_left_alone(harmless):
    assert unsafe_loads(harmless) == []


def test_the_floors_that_are_explained_are_those_of_the_project():
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]
    floors = {re.sub(r"\[.*\]", "", line) for line in project["dependencies"]}
    explained = re.findall(
        r"^\| `([a-z]+>=[0-9.]+)` \|", (DEPLOY / "SECURITY.md").read_text(), re.M
    )
    assert sorted(floor.split(">=")[0] for floor in explained) == ["mlflow", "ray", "torch"]
    assert set(explained) <= floors

"""Which tests `make test` runs, and that a newcomer's environment is enough for them."""

import re
import tomllib
from pathlib import Path

TESTS = Path(__file__).parent
PROJECT = tomllib.loads((TESTS.parent / "pyproject.toml").read_text())
DEPLOY_ONLY = (
    "moto|boto3|botocore|psycopg2|flask_wtf|cfnlint|kubernetes_validate|googleapiclient"
    r"|hatchling|tests\.deploy"
)
"""What only the extra `deploy` brings, as it is imported."""


def test_every_folder_with_tests_is_run_by_make_test_but_deploy() -> None:
    paths = PROJECT["tool"]["pytest"]["ini_options"]["testpaths"]
    folders = {f"tests/{file.relative_to(TESTS).parts[0]}" for file in TESTS.glob("*/**/test_*.py")}
    assert set(paths) == folders - {"tests/deploy"} | {"tests/test_*.py"}


def test_what_make_test_runs_imports_nothing_of_the_extra_deploy() -> None:
    imports = re.compile(rf"^ *(?:import|from) (?:{DEPLOY_ONLY})\b", re.MULTILINE)
    files = [file for file in TESTS.rglob("*.py") if "deploy" not in file.relative_to(TESTS).parts]
    assert files
    assert [file.name for file in files if imports.search(file.read_text())] == []
    assert imports.search((TESTS / "deploy/object_store/server.py").read_text())

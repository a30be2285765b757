"""Running the tests leaves nothing in the working tree: if a file appears there, the run fails.

`tests/conftest.py` takes these hooks over. They look at a whole run, which no test can do.
"""

import os
from pathlib import Path

import pytest

CACHES = frozenset(
    ("__pycache__", ".git", ".venv", ".pytest_cache", ".hypothesis", ".mypy_cache", ".ruff_cache")
    + (".import_linter_cache",)
)
"""Folders that tools keep between runs; version control ignores them."""

_BEFORE = pytest.StashKey[set[Path]]()
_LEFT = pytest.StashKey[set[Path]]()


def files_of(root: Path) -> set[Path]:
    """The files below a folder that are in no cache, relative to it."""
    found = set()
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in CACHES]
        found |= {Path(place, name).relative_to(root) for name in names}
    return {path for path in found if not path.name.startswith(".coverage")}


def pytest_sessionstart(session: pytest.Session) -> None:
    """Notes what is there. Workers of a run in several processes leave that to the first one."""
    if not hasattr(session.config, "workerinput"):
        session.config.stash[_BEFORE] = files_of(session.config.rootpath)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails a run that would have passed if there is more than before."""
    if (before := session.config.stash.get(_BEFORE, None)) is None:
        return
    session.config.stash[_LEFT] = left = files_of(session.config.rootpath) - before
    if left and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Names what has appeared."""
    for path in sorted(config.stash.get(_LEFT, ())):
        terminalreporter.write_line(
            f"{path} appeared in the working tree while the tests ran; a test has to write into "
            "tmp_path instead",
            red=True,
        )

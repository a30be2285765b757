"""`raytd sync` of a sweep that is not there; `tests/deploy/test_sync.py` has a server that dies."""

from pathlib import Path

from tests.cli.commands import run_here
from tests.cli.saved_sweep import write


def test_a_sweep_that_is_not_there_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "runs")
    ended = run_here(tmp_path, "sync", "dem", "--tracking-uri", "sqlite:///unused.db")
    assert ended.returncode == 2
    assert "did you mean 'demo'?" in ended.stderr
    assert not (tmp_path / "unused.db").exists()

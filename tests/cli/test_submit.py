"""What `raytd submit` refuses; `tests/deploy/test_job_server.py` runs a job."""

from pathlib import Path

import pytest

from raytd.cli import main

SWEEP = """
name: small
tasks: [digits-low, digits-high]
methods: [otdd]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(SWEEP)
    return tmp_path


def refusal(folder: Path, capsys: pytest.CaptureFixture[str], *args: str) -> list[str]:
    with pytest.raises(SystemExit) as ended:
        main(["submit", str(folder / "small.yaml"), "--address", "http://127.0.0.1:9", *args])
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert out == ""
    return err.splitlines()


def test_a_wrong_file_is_refused_before_the_cluster_is_asked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = refusal(folder, capsys, "--storage", "/shared", "--set", "otdd.epsilom=1")
    assert len(lines) == 1
    assert "unknown key; did you mean 'epsilon'?" in lines[0]


def test_a_wrong_order_is_refused_before_the_cluster_is_asked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = "https://me:secret@mlflow.example.org"
    lines = refusal(folder, capsys, "--storage", "runs", "--tracking-uri", uri)
    assert len(lines) == 2
    assert lines[0].startswith("--storage runs: must be the absolute path")
    assert "~/.mlflow/credentials" in lines[1]
    assert "secret" not in "".join(lines)


def test_a_cluster_that_is_not_there_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = refusal(folder, capsys, "--storage", "/shared")
    assert len(lines) == 1
    assert lines[0].startswith("--address http://127.0.0.1:9: no job server")

"""`raytd` with its storage in an object store, as far as that needs no server."""

import json
from pathlib import Path

import pytest

from tests.cli.stored_sweep import StoredSweep, ran

NOBODY = "s3://bucket/runs?endpoint_override=127.0.0.1:9&scheme=http&region=us-east-1"
"""A port at which no server answers."""


class TestInMemory(StoredSweep):
    """pyarrow's way to a store in this process; tests/deploy has a server that speaks S3."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> str:
        return f"fsspec+memory://bucket{tmp_path}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(
        "name: small\ntasks: [digits-low, digits-high]\nmethods: [otdd]\n"
    )
    return tmp_path


@pytest.mark.parametrize("asked", [("sweep", "small.yaml"), ("plan", "small.yaml"),
                                   ("results", "small"), ("sync", "small")])  # fmt: skip
def test_a_store_that_does_not_answer_is_one_line_and_exit_code_2_before_anything_starts(
    folder: Path, asked: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = ran(capsys, *asked, "--storage", NOBODY)
    assert (code, out, len(err.splitlines())) == (2, "", 1), err
    assert err.startswith("s3://bucket/runs?")
    assert "(no server answers)" in err
    assert [path.name for path in folder.iterdir()] == ["small.yaml"]


def test_json_lines_stay_json_where_the_store_cannot_be_used(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("sweep", "small.yaml", "--storage", "nonsense://bucket/runs", "--progress", "jsonl")
    code, _, err = ran(capsys, *asked)
    assert code == 2
    (line,) = err.splitlines()
    assert "pyarrow knows no such store" in json.loads(line)["message"]

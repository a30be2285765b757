import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from raytd.cli import cli
from raytd.errors import RequestError, StorageError
from tests.cli import saved_sweep


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return saved_sweep.write(tmp_path / "runs")


def test_the_report_lies_in_the_folder_of_the_sweep(folder: Path) -> None:
    done = CliRunner().invoke(cli, ["report", "demo"])
    assert done.exit_code == 0
    *figures, page = done.stdout.splitlines()
    assert page == "page    runs/demo/report/index.html"
    for line in figures:
        picture = Path(line.removeprefix("figure  "))
        assert all(picture.with_suffix(e).exists() for e in (".png", ".svg", ".csv"))
    assert "big is smaller than small in 6 of 6 pairs" in (folder / "report/index.html").read_text()


def test_another_folder_can_be_named_and_json_lists_every_file(folder: Path) -> None:
    done = CliRunner().invoke(cli, ["report", str(folder), "--out", "there", "--json"])
    document = json.loads(done.stdout)
    assert document["page"] == "there/index.html"
    assert {Path(name).parent for name in document["files"]} == {Path("there")}
    assert not (folder / "report").exists()


def test_an_unknown_sweep_and_a_full_place_are_one_line(folder: Path) -> None:
    unknown = CliRunner().invoke(cli, ["report", "dmo"])
    assert isinstance(unknown.exception, RequestError)
    (folder / "report").write_text("a file")
    refused = CliRunner().invoke(cli, ["report", "demo"])
    assert isinstance(refused.exception, StorageError)
    assert "\n" not in str(refused.exception)

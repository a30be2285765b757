"""What commands say of a sweep in an object store, whatever the store is."""

import json
from pathlib import Path

import pytest

import raytd
from raytd.cli import main
from raytd.storage.path import storage_path
from tests.cli import saved_sweep


def ran(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(args))
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err


class StoredSweep:
    """Needs a fixture `store`: the URI of a place in a store, which is empty."""

    @pytest.fixture
    def uri(self, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        """A store, and a folder `local` here, with the sweep of `saved_sweep`."""
        monkeypatch.chdir(tmp_path)
        saved_sweep.add_transfer(saved_sweep.write(tmp_path / "local"))
        for path in tmp_path.glob("local/**/*"):
            if path.is_file():
                place = storage_path(store) / str(path.relative_to(tmp_path / "local"))
                place.write_bytes(path.read_bytes())
        return store

    @pytest.mark.parametrize(
        "asked",
        [
            ("results", "demo", "--json"),
            ("results", "demo", "--where", "model=big", "--format", "csv"),
            ("compare", "demo", "--by", "model", "--json"),
            ("recommend", "demo", "--target", "b", "--json"),
            ("judge", "demo", "--json"),
        ],
    )
    def test_what_reads_a_sweep_says_the_same_of_a_store_as_of_a_folder(
        self, uri: str, asked: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, out, err = ran(capsys, *asked, "--storage", uri)
        local = ran(capsys, *asked, "--storage", "local")
        there = str(storage_path(uri) / "demo")
        assert (code, out.replace(there, "local/demo"), err) == local
        assert code == 0

    def test_status_counts_the_same_of_a_store_as_of_a_folder(
        self, uri: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (storage_path(uri) / "bad" / "plan.json").write_bytes(b"{")
        code, out, _ = ran(capsys, "status", "--storage", uri, "--json")
        assert code == 0
        found = {each["sweep"]: each for each in json.loads(out)["sweeps"]}
        assert {name: each["condition"] for name, each in found.items()} == {
            "demo": "stopped", "bad": "damaged",
        }  # fmt: skip
        local = json.loads(ran(capsys, "status", "demo", "--storage", "local", "--json")[1])
        for count in ("planned", "done", "failed", "missing", "process", "damaged"):
            assert found["demo"][count] == local[count]

    def test_a_report_lies_in_the_store(self, uri: str, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, _ = ran(capsys, "report", "demo", "--storage", uri, "--json")
        assert code == 0
        written = json.loads(out)
        ran(capsys, "report", "demo", "--storage", "local")
        for place in (written["page"], *written["files"]):
            path = storage_path(place)
            assert path.read_bytes() == (Path("local/demo/report") / path.name).read_bytes()

    def test_what_a_judge_found_lies_in_the_store(
        self, uri: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, out, _ = ran(capsys, "judge", "demo", "--storage", uri, "--format", "csv")
        assert code == 0
        report = storage_path(uri) / "demo" / "report"
        assert (report / "judge-transfer.csv").read_text() == out
        assert len(list(report.glob("judge-*.png"))) == 1 + len(out.splitlines()) - 1

    def test_python_reads_a_sweep_by_its_name_or_its_uri(self, uri: str) -> None:
        by_name = raytd.load_sweep("demo", uri)
        assert len(by_name.rows) == len(saved_sweep.rows()) + 2 * len(saved_sweep.GAINS)
        assert raytd.load_sweep(str(storage_path(uri) / "demo")).rows == by_name.rows
        assert raytd.results("demo", uri).num_rows == len(by_name.rows)

    def test_an_unknown_sweep_is_answered_with_those_that_are_there(
        self, uri: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, _, err = ran(capsys, "results", "demi", "--storage", uri)
        assert code == 2
        assert "(it has demo)" in err
        assert "did you mean 'demo'" in err

    def test_the_doctor_looks_at_the_store_and_leaves_nothing_in_it(
        self, store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, out, _ = ran(capsys, "doctor", "--storage", store, "--tracking-uri", "none")
        assert code == 0, out
        assert f"{storage_path(store)} can be written" in out
        assert list(storage_path(store).glob("*")) == []

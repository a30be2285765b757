"""`raytd doctor` as a user calls it."""

import json
from pathlib import Path

import pytest

from raytd.cli import main
from tests.cli.commands import processes_with, run_in


def run(capsys: pytest.CaptureFixture[str], *args: str | Path) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", *map(str, args)])
    out, err = capsys.readouterr()
    assert err == ""
    assert isinstance(ended.value.code, int)
    return ended.value.code, out


def test_a_machine_that_is_well_gives_0_and_one_line_for_each_thing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out = run(capsys, "--storage", tmp_path / "runs", "--data", tmp_path)
    assert code == 0, out
    assert not any(line.startswith("!") for line in out.splitlines())
    assert {"torch", "processors", "storage", "tracking", "digits"} <= {
        line.split()[0] for line in out.splitlines()
    }
    assert list(tmp_path.iterdir()) == []


def test_a_problem_gives_1_and_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--storage", "/proc/nowhere", "--tracking-uri", "none", "--json")
    code, out = run(capsys, *given)
    assert code == 1
    wrong = [each for each in json.loads(out) if each["todo"]]
    assert [each["subject"] for each in wrong] == ["storage"]
    assert wrong[0]["todo"] == "Choose another --storage."
    assert "tracking" not in {each["subject"] for each in json.loads(out)}


@pytest.mark.ray
@pytest.mark.slow
def test_ray_is_started_and_ended_when_asked_for(tmp_path: Path) -> None:
    marker = "RAYTD_TEST_DOCTOR"
    given = ("--storage", tmp_path / "runs", "--tracking-uri", "none")
    ended = run_in(tmp_path, "doctor", "--start-ray", *given, **{marker: str(tmp_path)})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "started on this machine: 1 node, " in ended.stdout
    assert not processes_with(f"{marker}={tmp_path}\0")


def test_places_that_nobody_can_use_are_findings_beside_the_others(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYTD_DATA", "~no-such-user/data")
    uri = "sqlite:///~/mlflow.db"
    code, out = run(capsys, "--storage", tmp_path, "--tracking-uri", uri, "--json")
    wrong = {each["subject"]: each for each in json.loads(out) if each["todo"]}
    assert (code, set(wrong)) == (1, {"tracking", "data"})
    assert wrong["tracking"]["found"] == f"--tracking-uri {uri}: '~' is not a home folder here"
    assert wrong["tracking"]["todo"].startswith("Write the path in full, ")
    assert wrong["data"]["found"].endswith("this machine knows no home folder of a user "
                                           "'no-such-user'")  # fmt: skip
    assert wrong["data"]["todo"] == "Correct the name, or write the path in full."

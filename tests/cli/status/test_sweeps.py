"""`raytd status` about a storage: what it shows, and that it writes nothing and starts nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli import saved_sweep
from tests.cli.commands import run_here


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with the sweep `demo`, of which one trial is missing, and `other`, of which two."""
    for name in ("demo", "other"):
        saved_sweep.write(tmp_path / "runs", name)
    row = tmp_path / "runs/other/trials/big-ab-0/result.json"
    failed = {"status": "failed", "error": "weights became NaN", "transient": False}
    row.write_text(json.dumps(json.loads(row.read_text()) | failed))
    (tmp_path / "runs/other/trials/big-ab-1/result.json").write_text("{")
    return tmp_path


def state(folder: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in folder.rglob("*")}


def test_every_sweep_is_a_line_in_eighty_columns_with_its_counts(home: Path) -> None:
    before = state(home)
    ran = run_here(home, "status")
    assert ran.returncode == 0
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert ["demo", "stopped", "24", "0", "1", "25"] in [words[:6] for words in lines]
    assert ["other", "stopped", "22", "1", "2", "25"] in [words[:6] for words in lines]
    assert max(map(len, ran.stdout.splitlines())) <= 80
    assert state(home) == before


def test_what_was_looked_at_what_is_damaged_and_who_says_why_trials_failed_is_told(
    home: Path,
) -> None:
    said = run_here(home, "status").stderr.splitlines()
    assert said[0] == "runs: 2 sweeps (--address URL asks a Ray cluster for its jobs)"
    assert set(said[1:]) == {
        "runs/other/trials/big-ab-1/result.json: is not whole",
        "other: 1 trial failed; raytd status other says why",
    }


def test_one_sweep_says_which_trials_failed_and_why_and_ends_with_1(home: Path) -> None:
    ran = run_here(home, "status", "other")
    assert ran.returncode == 1
    assert "25 trials: 22 done, 1 failed, 2 missing" in ran.stdout
    log = "(runs/other/trials/big-ab-0/log.txt)"
    assert f"failed: big-ab-0: weights became NaN {log}" in ran.stdout.splitlines()
    assert "big-ab-1/result.json: is not whole" in ran.stdout
    assert run_here(home, "status", "demo").returncode == 0


def test_json_has_the_same_and_nothing_else_stands_on_standard_output(home: Path) -> None:
    document = json.loads(run_here(home, "status", "--json").stdout)
    assert document["storage"] == "runs"
    counts = {s["sweep"]: (s["done"], s["failed"], s["missing"]) for s in document["sweeps"]}
    assert counts == {"demo": (24, 0, 1), "other": (22, 1, 2)}
    one = json.loads(run_here(home, "status", "other", "--json").stdout)
    assert [f["error"] for f in one["failures"]] == ["weights became NaN"]
    assert len(one["damaged"]) == 1


def test_a_storage_without_sweeps_says_where_to_look_and_is_no_failure(tmp_path: Path) -> None:
    ran = run_here(tmp_path, "status")
    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (0, "", 1)
    assert ran.stderr.startswith("runs: no sweeps are there;")
    assert json.loads(run_here(tmp_path, "status", "--json").stdout)["sweeps"] == []
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_and_two_places_at_once_are_one_line_and_exit_code_2(home: Path) -> None:
    unknown = run_here(home, "status", "dem")
    assert (unknown.returncode, len(unknown.stderr.splitlines())) == (2, 1)
    assert "it has demo, other" in unknown.stderr
    assert "--address" in unknown.stderr
    both = run_here(home, "status", "--storage", "runs", "--address", "http://127.0.0.1:9")
    assert (both.returncode, len(both.stderr.splitlines())) == (2, 1)


def test_with_an_address_the_job_server_is_asked(home: Path) -> None:
    ran = run_here(home, "status", "--address", "http://127.0.0.1:9")
    assert ran.returncode == 2
    assert "no job server of a Ray cluster answers there" in ran.stderr


def test_neither_torch_nor_ray_nor_mlflow_is_imported(home: Path) -> None:
    code = (
        "import sys, raytd.cli\n"
        "try:\n    raytd.cli.main(sys.argv[1:])\n"
        "except SystemExit:\n    pass\n"
        "print([m for m in ('torch', 'ray', 'mlflow', 'pandas') if m in sys.modules])\n"
    )
    for words in (["status"], ["status", "demo"], ["--version"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=home, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.splitlines()[-1] == "[]"

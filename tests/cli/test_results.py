import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

import raytd
from raytd.cli import cli
from raytd.errors import RequestError
from tests.cli import saved_sweep
from tests.cli.screens import shown_here

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return saved_sweep.asking("results", tmp_path, monkeypatch)


def test_the_table_has_a_line_for_each_trial_and_fits_eighty_columns(run: Run) -> None:
    done = run("--where", "model=big")
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    assert sum(line.split()[0] in "abc" for line in lines[2:]) == 12
    assert max(map(len, lines)) <= 80
    assert done.stderr == "1 of 25 trials has not ended\n"


def test_csv_has_every_column_and_the_numbers_as_they_are(run: Run) -> None:
    lines = list(csv.DictReader(io.StringIO(run("--format", "csv").stdout)))
    assert len(lines) == 24
    wanted = {row["trial_key"]: row["distance"] for row in saved_sweep.rows()}
    assert {line["trial_key"]: float(line["distance"]) for line in lines} == wanted
    assert "forward_images" in lines[0]


def test_json_is_one_document(run: Run) -> None:
    document = json.loads(run("--json", "--columns", "model,distance").stdout)
    assert document["sweep"] == "demo"
    assert document["trials"][0] == {"model": "small", "distance": 1.5}


def test_parquet_goes_to_a_file_or_a_pipe(run: Run, tmp_path: Path) -> None:
    assert run("--format", "parquet", "--out", "t.parquet").exit_code == 0
    table = pq.read_table(tmp_path / "t.parquet")
    assert (table.num_rows, table.schema.field("seed").type) == (24, "int64")
    piped = run("--format", "parquet").stdout_bytes
    assert piped == (tmp_path / "t.parquet").read_bytes()


def test_conditions_order_and_columns_work_together(run: Run) -> None:
    done = run("--where", "model=big", "--where", "distance<3", "--sort", "-distance",
               "--columns", "source,target,distance", "--format", "csv")  # fmt: skip
    assert done.stdout.splitlines() == [
        "source,target,distance", "b,a,2.125", "b,a,2.0", "a,b,1.125", "a,b,1.0",
    ]  # fmt: skip


def test_everything_wrong_is_said_at_once_and_in_lines(run: Run) -> None:
    done = run("--where", "modle=big", "--sort", "bar", "--columns", "x,distance")
    assert isinstance(done.exception, RequestError)
    assert done.exception.exit_code == 2
    assert [p.split(":")[0] for p in done.exception.problems] == [
        "--columns", "--where 'modle=big'", "--sort",
    ]  # fmt: skip
    assert done.stdout == ""


def test_a_setting_that_no_trial_has_is_refused_in_one_line(run: Run) -> None:
    done = run("--where", "method=nonsense")
    assert isinstance(done.exception, RequestError)
    assert "no trial that has ended has the method 'nonsense'; there are coupled" in str(
        done.exception
    )
    assert done.stdout == ""


def test_no_trial_at_all_is_said(run: Run) -> None:
    done = run("--where", "seed=9", "--where", "distance<3")
    assert done.exit_code == 0
    assert done.stderr.splitlines()[-1] == "no trial that has ended meets seed=9 and distance<3"


def test_doubts_are_a_column_and_are_counted_where_it_is_not_shown(run: Run) -> None:
    lines = list(csv.DictReader(io.StringIO(run("--format", "csv").stdout)))
    assert {line["doubts"] for line in lines} == {"", "did not arrive"}
    done = run("--columns", "source,target,distance")
    wanted = "2 of 24 trials are doubtful; the column doubts says why"
    assert done.stderr.splitlines()[-1] == wanted
    assert wanted not in run("--columns", "distance,doubts").stderr
    (kept,) = json.loads(run("--json", "--where", "doubts!=none", "--where", "seed=0").stdout)[
        "trials"
    ]
    assert (kept["source"], kept["model"], kept["doubts"]) == ("a", "big", "did not arrive")


def test_an_unknown_sweep_names_those_there_are(run: Run) -> None:
    done = CliRunner().invoke(cli, ["results", "dmo"])
    assert "it has demo" in str(done.exception)
    assert "did you mean 'demo'?" in str(done.exception)


def test_python_gives_the_same_table(run: Run, tmp_path: Path) -> None:
    table = raytd.results("demo", tmp_path / "runs", where=["model=big"], sort="-distance")
    assert table.num_rows == 12
    assert table.column("distance").to_pylist()[0] == 6.125
    assert raytd.results("demo", tmp_path / "runs", where=["seed=9"]).num_rows == 0
    saved = raytd.load_sweep("demo", tmp_path / "runs")
    (comparison,) = saved.compare("model", "small", "big")
    assert [pair.difference for pair in comparison.pairs] == [-0.5] * 6


def test_the_table_needs_neither_torch_nor_ray(run: Run) -> None:
    code = (
        "import sys\nfrom raytd.cli import main\n"
        "try:\n    main(['results', 'demo'])\nexcept SystemExit: pass\n"
        "print({'torch', 'ray', 'mlflow', 'matplotlib'} & {*sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "set()"


def test_parquet_is_not_written_to_a_terminal(run: Run, tmp_path: Path) -> None:
    seen = shown_here(tmp_path, "results", "demo", "--format", "parquet")
    assert seen.code == 2
    assert "--format parquet is not for a terminal; name a file with --out" in seen.text


def test_a_table_in_a_file_has_no_colours_and_one_of_a_whole_sweep_has_no_remark(
    run: Run, tmp_path: Path
) -> None:
    asked = ("--where", "model=small", "--out", "t.txt")
    assert run(*asked).stderr.splitlines()[0] == "1 of 25 trials has not ended"
    plan = json.loads((tmp_path / "runs/demo/plan.json").read_text())
    plan["trials"] = [trial for trial in plan["trials"] if trial["trial_key"] != "missing"]
    (tmp_path / "runs/demo/plan.json").write_text(json.dumps(plan))
    assert run(*asked).stderr.split() == ["written", "t.txt"]
    assert (tmp_path / "t.txt").read_text() == run("--where", "model=small").stdout
    shown_here(tmp_path, "results", "demo", *asked)
    assert "\x1b" not in (tmp_path / "t.txt").read_text()


def test_a_damaged_record_is_named_and_the_other_trials_are_shown(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    record = Path("runs/demo/trials/big-ab-0/result.json")
    record.write_text('{"trial_key": "big-ab-0", "st')
    done = run("--json")
    assert done.exit_code == 0
    assert len(json.loads(done.stdout)["trials"]) == 23
    assert done.stderr == "2 of 25 trials have not ended\n"
    (line,) = caplog.messages
    assert line.startswith(f"{record}: cannot be read (")

"""`raytd` with its storage in an object store, as a user runs it: the bits of a folder."""

import json
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import raytd
from raytd.cli import main
from raytd.engine.lease import DEAD_S
from raytd.engine.storage import storage_path
from raytd.sweep.ledger import Ledger
from tests.cli import saved_sweep
from tests.cli.commands import command, environment, run_in
from tests.object_store import KEYS, Server

SWEEP = """
name: small
tasks: [digits-low, digits-high]
data: {train: 30, val: 20}
pairs: [[digits-low, digits-high]]
methods: [coupled, task2vec]
coupled: {iterations: 3, blocks: 2, tile_size: 5, support: global, features: pixels}
task2vec: {head_steps: 100, passes: 1}
trajectory: {steps: 60, batch_size: 8, lr: 0.01, segments: 10}
pretrain: {epochs: 4, batch_size: 10}
stop: {tolerance: 0}
resources: {cpus_per_actor: 0.5, threads: 1, checkpoint_every: 1}
"""
N_CACHED = 6
"""A source and a reference, features and an embedding of each task."""


@dataclass(frozen=True)
class Killed:
    """A sweep that went on.

    Attributes:
        folder: where it ran.
        uri: of its storage.
        pid: of the driver that was killed.
        said: on standard error by the one that went on.
    """

    folder: Path
    uri: str
    pid: int
    said: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(SWEEP)
    return tmp_path


def content(storage: Any) -> dict[str, Any]:
    """What the trials of a sweep have left but times, and the sources."""
    ledger, found = Ledger(storage / "small"), {}
    for row in ledger.rows():
        key = row["trial_key"]
        found[key] = {name: value for name, value in row.items() if name != "wall_s"}
        found[key] |= {
            name: ledger.table(key, name) for name in ("iterations", "knots", "coupling")
        }
    weights = sorted((storage / "sources").glob("*.safetensors"))
    return found | {path.name: path.read_bytes() for path in weights}


@pytest.fixture(scope="module")
def killed(s3: Server, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """A sweep whose driver was killed in the middle of a trial, and what is done about it."""
    folder = tmp_path_factory.mktemp("killed")
    (folder / "small.yaml").write_text(SWEEP)
    uri = s3.uri("bucket/runs")
    storage = storage_path(uri)
    line, log = command("sweep", "small.yaml", "--storage", uri), folder / "killed.log"
    with log.open("w") as said:
        process = subprocess.Popen(line, cwd=folder, env=environment(folder) | KEYS, stderr=said)
    try:
        deadline = time.monotonic() + 300
        while not list((storage / "small").glob("trials/*/checkpoint/0001-*")):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    on = run_in(folder, "sweep", "small.yaml", "--storage", uri, "--progress", "jsonl", **KEYS)
    assert on.returncode == 0, on.stderr
    return Killed(folder, uri, process.pid, on.stderr)


@pytest.mark.ray
@pytest.mark.slow
def test_what_a_killed_driver_left_is_gone_on_with_when_it_counts_as_dead(killed: Killed) -> None:
    events = [json.loads(line) for line in killed.said.splitlines()]
    wait = next(event["message"] for event in events if event["event"] == "wait")
    assert f"(process {killed.pid} on " in wait
    assert wait.endswith(f"or in {DEAD_S:g} s if it has died")
    places = [(e["iteration"], e["segment"]) for e in events if e["event"] == "segment"]
    assert min(places) >= (1, 0)


@pytest.mark.ray
@pytest.mark.slow
def test_a_store_holds_the_bits_of_a_folder(killed: Killed) -> None:
    there = run_in(
        killed.folder, "sweep", "small.yaml", "--storage", "peace", "--tracking-uri", "none"
    )
    assert there.returncode == 0, there.stderr
    kept = content(storage_path(killed.uri))
    assert kept == content(killed.folder / "peace")
    assert len(kept) == 2 + N_CACHED


@pytest.mark.ray
@pytest.mark.slow
def test_nothing_that_is_over_is_left_in_the_store(killed: Killed) -> None:
    sweep = storage_path(killed.uri) / "small"
    assert list(sweep.glob("trials/*/checkpoint/*")) == []
    assert not (sweep / ".owner.json").exists()
    assert (killed.folder / "runs/mlflow.db").is_file()
    assert not (killed.folder / "runs/small").exists()


@pytest.mark.ray
@pytest.mark.slow
def test_running_it_again_runs_nothing(killed: Killed) -> None:
    results = (storage_path(killed.uri) / "small").glob("trials/*/result.json")
    before = {path: path.stat() for path in results}
    again = run_in(killed.folder, "sweep", "small.yaml", "--storage", killed.uri, "--json", **KEYS)
    assert again.returncode == 0, again.stderr
    assert "2 trials: 2 done, 0 to run" in again.stderr
    assert len(json.loads(again.stdout)["trials"]) == 2
    assert {path: path.stat() for path in before} == before


@pytest.mark.ray
@pytest.mark.slow
def test_all_of_it_can_be_sent_to_another_tracking_server(killed: Killed) -> None:
    there = f"sqlite:///{killed.folder / 'other.db'}"
    asked = ("sync", "small", "--storage", killed.uri, "--tracking-uri", there, "--json")
    sent = run_in(killed.folder, *asked, **KEYS)
    assert sent.returncode == 0, sent.stderr
    assert json.loads(sent.stdout)["n_trials_sent"] == 2
    assert {path.name for path in killed.folder.glob("mlartifacts/*/artifacts/*")} >= {
        "result.json", "log.txt", "config.json", "sweep.yaml", "plan.json", "index.html",
    }  # fmt: skip
    again = run_in(killed.folder, *asked, **KEYS)
    assert json.loads(again.stdout)["n_files"] == 0


@pytest.fixture
def uri(s3: Server, folder: Path) -> str:
    """A store with the sweep of `saved_sweep`."""
    saved_sweep.add_transfer(saved_sweep.write(folder / "local"))
    uri = s3.uri(f"bucket/{folder.name}")
    for path in folder.glob("local/**/*"):
        if path.is_file():
            place = storage_path(uri) / str(path.relative_to(folder / "local"))
            place.write_bytes(path.read_bytes())
    return uri


def ran(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(args))
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err


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
    uri: str, asked: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = ran(capsys, *asked, "--storage", uri)
    local = ran(capsys, *asked, "--storage", "local")
    there = str(storage_path(uri) / "demo")
    assert (code, out.replace(there, "local/demo"), err) == local
    assert code == 0


def test_a_report_lies_in_the_store(uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran(capsys, "report", "demo", "--storage", uri, "--json")
    assert code == 0
    written = json.loads(out)
    ran(capsys, "report", "demo", "--storage", "local")
    for place in (written["page"], *written["files"]):
        path = storage_path(place)
        assert path.read_bytes() == (Path("local/demo/report") / path.name).read_bytes()


def test_what_a_judge_found_lies_in_the_store(uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran(capsys, "judge", "demo", "--storage", uri, "--format", "csv")
    assert code == 0
    report = storage_path(uri) / "demo" / "report"
    assert (report / "judge-transfer.csv").read_text() == out
    assert len(list(report.glob("judge-*.png"))) == 1 + len(out.splitlines()) - 1


def test_python_reads_a_sweep_by_its_name_or_its_uri(uri: str) -> None:
    by_name = raytd.load_sweep("demo", uri)
    assert len(by_name.rows) == len(saved_sweep.rows()) + 2 * len(saved_sweep.GAINS)
    assert raytd.load_sweep(str(storage_path(uri) / "demo")).rows == by_name.rows
    assert raytd.results("demo", uri).num_rows == len(by_name.rows)


def test_an_unknown_sweep_is_answered_with_those_that_are_there(
    uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = ran(capsys, "results", "demi", "--storage", uri)
    assert code == 2
    assert "(it has demo)" in err
    assert "did you mean 'demo'" in err


@pytest.mark.parametrize("asked", [("sweep", "small.yaml"), ("plan", "small.yaml"),
                                   ("results", "small"), ("sync", "small")])  # fmt: skip
def test_a_store_that_cannot_be_used_is_one_line_and_exit_code_2_before_anything_starts(
    s3: Server, folder: Path, asked: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    closed = "s3://bucket/runs?endpoint_override=127.0.0.1:9&scheme=http&region=us-east-1"
    code, out, err = ran(capsys, *asked, "--storage", closed)
    assert (code, out, len(err.splitlines())) == (2, "", 1), err
    assert err.startswith("s3://bucket/runs?")
    assert "(no server answers)" in err
    code, out, err = ran(capsys, *asked, "--storage", s3.uri("missing/runs"))
    assert (code, out, len(err.splitlines())) == (2, "", 1), err
    assert "(there is no such bucket)" in err
    with s3.only_known_keys():
        code, out, err = ran(capsys, *asked, "--storage", s3.uri("bucket/runs"))
    assert (code, out, len(err.splitlines())) == (2, "", 1), err
    assert "(access denied); look at the credentials here, for S3 AWS_ACCESS_KEY_ID" in err
    assert [path.name for path in folder.iterdir()] == ["small.yaml"]


def test_json_lines_stay_json_where_the_store_cannot_be_used(
    s3: Server, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = s3.uri("missing/runs")
    code, _, err = ran(capsys, "sweep", "small.yaml", "--storage", place, "--progress", "jsonl")
    assert code == 2
    (line,) = err.splitlines()
    assert "there is no such bucket" in json.loads(line)["message"]


def test_a_store_that_can_only_be_read_is_refused_before_anything_starts(
    s3: Server, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with s3.reader() as keys:
        place = s3.uri("bucket/read-only").replace("s3://", f"s3://{keys}@")
        code, out, err = ran(capsys, "sweep", "small.yaml", "--storage", place)
    assert (code, out) == (2, "")
    last = err.splitlines()[-1]
    assert last.startswith("s3://bucket/read-only/small/.owner.json?")
    assert "cannot be written (access denied)" in last
    assert keys.partition(":")[2] not in err


def test_the_doctor_looks_at_the_store_and_leaves_nothing_in_it(
    s3: Server, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = s3.uri("bucket/doctor")
    code, out, _ = ran(capsys, "doctor", "--storage", place, "--tracking-uri", "none")
    assert code == 0, out
    assert f"{storage_path(place)} can be written" in out
    assert list(storage_path(place).glob("*")) == []
    bad = s3.uri("missing/runs")
    code, out, _ = ran(capsys, "doctor", "--storage", bad, "--tracking-uri", "none", "--json")
    assert code == 1
    (wrong,) = [each for each in json.loads(out) if each["todo"]]
    assert wrong["found"].endswith("(there is no such bucket)")
    assert wrong["todo"] == "Make it, or correct its name."

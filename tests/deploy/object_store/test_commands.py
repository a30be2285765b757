"""`raytd` with its storage on a server that speaks S3, as a user runs it: the bits of a folder."""

import json
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from raytd.storage import lease
from raytd.storage.path import storage_path
from raytd.sweep.folder import sweep_lock
from raytd.sweep.folder.ledger import Ledger
from tests.cli.commands import command, environment, run_here
from tests.cli.stored_sweep import StoredSweep, ran
from tests.deploy.object_store.server import Server

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
SOON_S = 1.0
"""After so many seconds a driver counts as dead here."""
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
def killed(s3: Server, ray_here: None, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """A sweep whose driver was killed in the middle of a trial, and what is done about it."""
    folder = tmp_path_factory.mktemp("killed")
    (folder / "small.yaml").write_text(SWEEP)
    uri = s3.uri("bucket/runs")
    storage = storage_path(uri)
    line, log = command("sweep", "small.yaml", "--storage", uri), folder / "killed.log"
    with log.open("w") as said:
        process = subprocess.Popen(line, cwd=folder, env=environment(folder), stderr=said)
    try:
        deadline = time.monotonic() + 300
        while not list((storage / "small").glob("trials/*/checkpoint/0001-*")):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with pytest.MonkeyPatch.context() as patch:
        for module in (lease, sweep_lock):
            patch.setattr(module, "DEAD_S", SOON_S)
        patch.setattr(lease, "_LOOK_S", 0.1)
        on = run_here(folder, "sweep", "small.yaml", "--storage", uri, "--progress", "jsonl")
    assert on.returncode == 0, on.stderr
    return Killed(folder, uri, process.pid, on.stderr)


@pytest.mark.ray
@pytest.mark.slow
def test_what_a_killed_driver_left_is_gone_on_with_when_it_counts_as_dead(killed: Killed) -> None:
    events = [json.loads(line) for line in killed.said.splitlines()]
    wait = next(event["message"] for event in events if event["event"] == "wait")
    assert f"(process {killed.pid} on " in wait
    assert wait.endswith(f"or in {SOON_S:g} s if it has died")
    places = [(e["iteration"], e["segment"]) for e in events if e["event"] == "segment"]
    assert min(places) >= (1, 0)


@pytest.mark.ray
@pytest.mark.slow
def test_a_store_holds_the_bits_of_a_folder(killed: Killed) -> None:
    there = run_here(
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
    assert list(sweep.glob(".owner*")) == []
    assert (killed.folder / "runs/mlflow.db").is_file()
    assert not (killed.folder / "runs/small").exists()


@pytest.mark.ray
@pytest.mark.slow
def test_running_it_again_runs_nothing(killed: Killed) -> None:
    results = (storage_path(killed.uri) / "small").glob("trials/*/result.json")
    before = {path: path.stat() for path in results}
    again = run_here(killed.folder, "sweep", "small.yaml", "--storage", killed.uri, "--json")
    assert again.returncode == 0, again.stderr
    assert "2 trials: 2 done, 0 to run" in again.stderr
    assert len(json.loads(again.stdout)["trials"]) == 2
    assert {path: path.stat() for path in before} == before


@pytest.mark.ray
@pytest.mark.slow
def test_all_of_it_can_be_sent_to_another_tracking_server(killed: Killed) -> None:
    there = f"sqlite:///{killed.folder / 'other.db'}"
    asked = ("sync", "small", "--storage", killed.uri, "--tracking-uri", there, "--json")
    sent = run_here(killed.folder, *asked)
    assert sent.returncode == 0, sent.stderr
    assert json.loads(sent.stdout)["n_trials_sent"] == 2
    assert {path.name for path in killed.folder.glob("mlartifacts/*/artifacts/*")} >= {
        "result.json", "log.txt", "config.json", "sweep.yaml", "plan.json", "index.html",
    }  # fmt: skip
    again = run_here(killed.folder, *asked)
    assert json.loads(again.stdout)["n_files"] == 0


class TestOnAServer(StoredSweep):
    """What `StoredSweep` asks, over HTTP."""

    @pytest.fixture
    def store(self, s3: Server, tmp_path: Path) -> str:
        return s3.uri(f"bucket{tmp_path}")


@pytest.mark.parametrize("asked", [("sweep", "small.yaml"), ("plan", "small.yaml"),
                                   ("results", "small"), ("sync", "small")])  # fmt: skip
def test_a_store_that_cannot_be_used_is_one_line_and_exit_code_2_before_anything_starts(
    s3: Server, folder: Path, asked: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = ran(capsys, *asked, "--storage", s3.uri("missing/runs"))
    assert (code, out, len(err.splitlines())) == (2, "", 1), err
    assert "(there is no such bucket)" in err
    with s3.only_known_keys():
        code, out, err = ran(capsys, *asked, "--storage", s3.uri("bucket/runs"))
    assert (code, out, len(err.splitlines())) == (2, "", 1), err
    assert "(access denied); look at the credentials here, for S3 AWS_ACCESS_KEY_ID" in err
    assert [path.name for path in folder.iterdir()] == ["small.yaml"]


def test_a_store_that_can_only_be_read_is_refused_before_anything_starts(
    s3: Server, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with s3.reader() as keys:
        place = s3.uri("bucket/read-only").replace("s3://", f"s3://{keys}@")
        code, out, err = ran(capsys, "sweep", "small.yaml", "--storage", place)
    assert (code, out) == (2, "")
    last = err.splitlines()[-1]
    assert last.startswith("s3://bucket/read-only/small/.owner.")
    assert "cannot be written (access denied)" in last
    assert keys.partition(":")[2] not in err


def test_the_doctor_says_that_the_bucket_is_missing(
    s3: Server, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("doctor", "--storage", s3.uri("missing/runs"), "--tracking-uri", "none", "--json")
    code, out, _ = ran(capsys, *asked)
    assert code == 1
    (wrong,) = [each for each in json.loads(out) if each["todo"]]
    assert wrong["found"].endswith("(there is no such bucket)")
    assert wrong["todo"] == "Make it, or correct its name."

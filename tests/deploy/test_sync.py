"""`raytd sync`: a tracking server that was away during a sweep has everything afterwards."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from raytd.cli.progress import Progress
from raytd.sweep.trials.trial import Trial
from raytd.tracking.quiet import import_mlflow
from tests.cli.commands import run_here
from tests.servers import TrackingServer

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SWEEP = """
name: small
tasks: [digits-low, digits-high]
data: {train: 30, val: 20}
pairs: [[digits-low, digits-high]]
methods: [coupled]
grid: {seed: [0, 1]}
coupled: {iterations: 2, tile_size: 5}
trajectory: {steps: 20, batch_size: 8, lr: 0.01, segments: 20}
pretrain: {epochs: 2, batch_size: 10}
stop: {tolerance: 0}
resources: {cpus_per_actor: 0.5, threads: 1}
tracking: {system_metrics: true}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sync")
    (folder / "small.yaml").write_text(SWEEP)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[TrackingServer]:
    server = TrackingServer(folder)
    yield server
    server.stop()


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(folder: Path, server: TrackingServer, ray_here: None) -> Run:
    def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
        never = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
        return run_here(folder, *args, "--tracking-uri", server.url, **never)

    return run


def held(server: TrackingServer) -> dict[str, dict[str, object]]:
    """Status and number of points of every run."""
    import_mlflow()
    from mlflow.tracking import MlflowClient

    client = MlflowClient(server.url)
    experiment = client.get_experiment_by_name("small")
    found = {}
    for each in client.search_runs([experiment.experiment_id]):
        names = [n for n in each.data.metrics if not n.startswith("system/")]
        history = [client.get_metric_history(each.info.run_id, n) for n in names]
        found[each.info.run_name] = {
            "status": each.info.status,
            "points": sum(map(len, history)),
            "files": {f.path for f in client.list_artifacts(each.info.run_id)},
            "inputs": len(each.inputs.dataset_inputs),
            "system": len(each.data.metrics) > len(names),
        }
    return found


def test_a_server_that_dies_in_a_sweep_has_all_of_it_after_a_sync(
    run: Run, folder: Path, server: TrackingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_end = Progress.on_end

    def end(self: Progress, trial: Trial, row: dict[str, Any]) -> None:
        on_end(self, trial, row)
        server.stop()

    server.start()
    with monkeypatch.context() as patch:
        patch.setattr(Progress, "on_end", end)  # the server dies after the first trial
        ended = run("sweep", "small.yaml", "--max-concurrent", "1")
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stderr.count("results are kept on disk, and raytd sync sends them later") == 1
    results = list((folder / "runs/small/trials").glob("*/result.json"))
    assert [json.loads(r.read_text())["status"] for r in results] == ["done", "done"]

    away = run("sync", "small")
    assert away.returncode == 1
    assert len(away.stderr.splitlines()) == 1
    assert "the same command sends the rest" in away.stderr

    server.start()
    first = run("sync", "small.yaml")
    assert first.returncode == 0, first.stderr
    assert "sent 1 of 2 trials" in first.stdout or "sent 2 of 2 trials" in first.stdout
    whole = held(server)
    assert len(whole) == 3
    assert {each["status"] for each in whole.values()} == {"FINISHED"}
    one, other = (each for name, each in whole.items() if name != "small")
    # What actors use is sent while they run, and is no part of the results on disk.
    assert one.pop("system") or other.pop("system")
    other.pop("system", None)
    assert one == other
    assert one["inputs"] == 2
    assert {"results.parquet", "results.json", "sweep-resolved.yaml"} <= set(
        whole["small"]["files"]  # type: ignore[arg-type]
    )

    second = run("sync", "runs/small", "--json")
    told = json.loads(second.stdout)
    assert (told["n_trials"], told["n_trials_sent"]) == (2, 0)
    assert (told["n_points"], told["n_files"]) == (0, 0)
    assert held(server)["small"] == whole["small"]

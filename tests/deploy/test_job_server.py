"""`raytd submit`, `status` and `logs` against a real job server."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.commands import environment, run_here
from tests.servers import answers, free_ports

TRIALS, SEGMENTS, BYTES = (
    "ray_raytd_trials",
    "ray_raytd_segments_total",
    "ray_raytd_bytes_total",
)
LABELS = ("sweep", "state", "what", "direction")

SWEEP = """
name: small
tasks: [digits-low, digits-high]
data: {train: 20, val: 20}
pairs: [[digits-low, digits-high]]
methods: [coupled]
coupled: {iterations: 1, blocks: 2, tile_size: 5}
trajectory: {steps: 10, batch_size: 4, lr: 0.01, segments: 10}
pretrain: {epochs: 2, batch_size: 10}
resources: {cpus_per_actor: 0.5, threads: 1}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("submit")
    (folder / "small.yaml").write_text(SWEEP)
    return folder


@pytest.fixture(scope="module")
def metrics_port() -> int:
    (port,) = free_ports(1)
    return port


@pytest.fixture(scope="module")
def cluster(folder: Path, metrics_port: int) -> Iterator[str]:
    """A cluster of its own folder, so that it takes no other one on this machine for itself."""
    dashboard, client, agent = free_ports(3)
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as place:  # sockets want it short
        line = [sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start"]
        line += ["--head", "--block", "--port=0", "--num-cpus=2", "--include-dashboard=true"]
        line += [f"--dashboard-port={dashboard}", f"--ray-client-server-port={client}"]
        line += [f"--dashboard-agent-listen-port={agent}", "--min-worker-port=0"]
        line += [f"--metrics-export-port={metrics_port}"]
        line += ["--max-worker-port=0", f"--temp-dir={place}", "--disable-usage-stats"]
        bin_folder = str(Path(sys.executable).parent)  # a job calls `python`
        variables = environment(folder) | {"PATH": f"{bin_folder}:{os.environ['PATH']}"}
        # The session's cluster, where there is one, keeps no statistics, and sets that for all.
        variables |= {"RAY_enable_metrics_collection": "1", "RAY_metrics_report_interval_ms": "500"}
        variables.pop("REPORTER_UPDATE_INTERVAL_MS", None)
        with (folder / "cluster.log").open("w") as log:
            process = subprocess.Popen(
                line, env=variables, stdout=log, stderr=log, start_new_session=True
            )
        url, deadline = f"http://127.0.0.1:{dashboard}", time.monotonic() + 180
        try:
            while not answers(f"{url}/api/version"):
                assert process.poll() is None, (folder / "cluster.log").read_text()
                assert time.monotonic() < deadline
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


Run = Callable[..., subprocess.CompletedProcess[str]]
Counted = dict[tuple[str, ...], float]


def scraped(port: int) -> Counted:
    """What Prometheus gets of raytd, by name and our own labels, summed over processes."""
    counted: Counted = {}
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith("ray_raytd_"):
                own = {k: v for k, v in sample.labels.items() if k in LABELS}
                key = (sample.name, *own.values())
                counted[key] = counted.get(key, 0.0) + sample.value
    return counted


@contextmanager
def scraping(port: int) -> Iterator[Counted]:
    """The largest value of each number while the block runs: a driver takes its own along."""
    largest: Counted = {}
    over = threading.Event()

    def scrape() -> None:
        while not over.wait(0.2):
            with suppress(URLError):  # Ray listens some seconds after its other services
                for key, value in scraped(port).items():
                    largest[key] = max(value, largest.get(key, 0.0))

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield largest
    finally:
        over.set()
        thread.join()


@pytest.fixture(scope="module")
def run(folder: Path, cluster: str) -> Run:
    def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
        return run_here(folder, *args, "--address", cluster)

    return run


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:ssl=None is deprecated:DeprecationWarning")  # in Ray's client
def test_a_submitted_sweep_runs_without_the_one_who_submitted_it_and_can_be_watched(
    run: Run, folder: Path, metrics_port: int
) -> None:
    shared = folder / "shared"
    submitted = run("submit", "small.yaml", "--storage", shared, "--set", "seed=3", "--json")
    assert submitted.returncode == 0, submitted.stderr
    told = json.loads(submitted.stdout)
    assert (told["sweep"], told["storage"]) == ("small", str(shared))
    assert submitted.stderr == ""

    with scraping(metrics_port) as counted:
        logs = run("logs", told["job"], "--follow")
    assert logs.returncode == 0, logs.stdout + logs.stderr
    assert {key[0] for key in counted} == {TRIALS, SEGMENTS, BYTES}
    assert counted[TRIALS, "done", "small"] == 1
    assert counted[TRIALS, "failed", "small"] == 0
    assert counted[SEGMENTS, "small"] == 10 * 2  # of each block
    assert counted[BYTES, "to", "small"] > 0
    assert counted[BYTES, "from", "small"] > 0
    assert "[1/1] coupled digits-low->digits-high cnn8-narrow seed 3" in logs.stdout
    assert logs.stderr == f"{told['job']}: succeeded\n"

    (result,) = (shared / "small/trials").glob("*/result.json")
    row = json.loads(result.read_text())
    assert (row["status"], row["seed"]) == ("done", 3)
    status = json.loads(run("status", "--json").stdout)
    assert [(each["job"], each["status"]) for each in status] == [(told["job"], "succeeded")]

    # What only the cluster can see fails the job, and says so.
    bad = json.loads(run("submit", "small.yaml", "--storage", "/proc/nowhere", "--json").stdout)
    again = json.loads(
        run("submit", "small.yaml", "--storage", shared, "--set", "seed=3", "--json").stdout
    )
    assert "1 trial: 1 done, 0 to run" in run("logs", "--follow").stdout
    failed = run("logs", bad["job"], "--follow")
    assert failed.returncode == 1
    assert "/proc/nowhere/small/sweep.yaml: cannot be written" in failed.stdout
    assert run("status", bad["job"]).returncode == 1
    assert run("status", again["job"]).returncode == 0

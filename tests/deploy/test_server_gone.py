"""A tracking server as a team runs it, which goes away while a sweep is tracked."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
import requests

from raytd.tracking import Closing, SweepInfo, TrialInfo, open_tracker

TRIAL = TrialInfo("k1", "low -> high coupled", {"method": "coupled", "seed": 0})


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def answers(url):
    with contextlib.suppress(requests.RequestException):
        return requests.get(f"{url}/health", timeout=1).ok
    return False


@pytest.fixture
def server(tmp_path):
    """MLflow's server on a file; yields its address and what stops it."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path}/server.db"]
    command += ["--artifacts-destination", str(tmp_path / "artifacts")]
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 120
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def stop():
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    try:
        while not answers(url):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield url, stop
    finally:
        stop()


@pytest.fixture(autouse=True)
def _environment():
    """Takes back what opening a tracker sets for the whole process."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]


@pytest.mark.slow
def test_a_server_that_goes_away_costs_one_line(server, tmp_path, caplog, capfd):
    url, stop = server
    picture = tmp_path / "distances.png"
    picture.write_bytes(b"\x89PNG")
    tracker = open_tracker(url, SweepInfo("quick", "capacity", artifacts=[picture]))
    tracker.log_iteration(TRIAL, 0, {"distance": 1.0}, [])
    run_id = tracker.run_id(TRIAL.key)
    assert run_id is not None
    assert caplog.messages == []
    metric = {"run_id": run_id, "metric_key": "distance"}
    api = f"{url}/api/2.0/mlflow/metrics/get-history"
    assert len(requests.get(api, metric, timeout=10).json()["metrics"]) == 1
    tracker.finish_trial(TrialInfo("k2", "other"), {}, status="done", artifacts=[picture])
    assert next(tmp_path.glob("artifacts/**/distances.png")).read_bytes() == b"\x89PNG"
    stop()
    for iteration in range(20):
        tracker.log_iteration(TRIAL, iteration, {"distance": 1.0}, [])
    tracker.finish_trial(TRIAL, {"distance": 1.0}, status="done", artifacts=[])
    tracker.close(Closing("done", {}, []))
    assert len(caplog.messages) == 1
    assert capfd.readouterr() == ("", "")

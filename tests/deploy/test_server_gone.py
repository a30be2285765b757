"""A tracking server as a team runs it, which goes away while a sweep is tracked."""

import os

import pytest
import requests

from raytd.tracking.base import Closing, SweepInfo, TrialInfo
from raytd.tracking.open import open_tracker
from tests.servers import TrackingServer

TRIAL = TrialInfo("k1", "low -> high coupled", {"method": "coupled", "seed": 0})


@pytest.fixture
def server(tmp_path):
    server = TrackingServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _environment():
    """Takes back what opening a tracker sets for the whole process."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]


@pytest.mark.slow
def test_a_server_that_goes_away_costs_one_line(server, tmp_path, caplog, capfd):
    picture = tmp_path / "distances.png"
    picture.write_bytes(b"\x89PNG")
    tracker = open_tracker(server.url, SweepInfo("quick", "capacity", artifacts=[picture]))
    tracker.log_iteration(TRIAL, 0, {"distance": 1.0}, [])
    run_id = tracker.run_id(TRIAL.key)
    assert run_id is not None
    assert caplog.messages == []
    metric = {"run_id": run_id, "metric_key": "distance"}
    api = f"{server.url}/api/2.0/mlflow/metrics/get-history"
    assert len(requests.get(api, metric, timeout=10).json()["metrics"]) == 1
    tracker.finish_trial(TrialInfo("k2", "other"), {}, status="done", artifacts=[picture])
    assert next(tmp_path.glob("artifacts/**/distances.png")).read_bytes() == b"\x89PNG"
    server.stop()
    for iteration in range(20):
        tracker.log_iteration(TRIAL, iteration, {"distance": 1.0}, [])
    tracker.finish_trial(TRIAL, {"distance": 1.0}, status="done", artifacts=[])
    tracker.close(Closing("done", {}, []))
    assert len(caplog.messages) == 1
    assert capfd.readouterr() == ("", "")

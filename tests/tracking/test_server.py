"""A tracking server that is not there, or fails; tests/deploy has a real one that goes away."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from raytd.tracking.base import Closing, SweepInfo
from raytd.tracking.open import open_tracker
from tests.servers import free_ports

SWEEP = SweepInfo("quick", "capacity")


def go_on(tracker, trial):
    for iteration in range(20):
        tracker.log_iteration(trial, iteration, {"distance": 1.0}, [])
    tracker.finish_trial(trial, {"distance": 1.0}, status="done", artifacts=[])
    tracker.close(Closing("done", {}, []))


def test_a_server_that_is_down_costs_one_line(trial, monkeypatch, caplog, capfd):
    (free_port,) = free_ports(1)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tracker = open_tracker(f"http://127.0.0.1:{free_port}", SWEEP)
    go_on(tracker, trial)
    assert tracker.run_id(trial.key) is None
    assert caplog.messages == [
        f"tracking at http://127.0.0.1:{free_port} stopped "
        "([Errno 111] Connection refused); results are kept on disk, "
        "and raytd sync sends them later"
    ]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("code", [401, 403, 500, 503])
def test_a_server_that_fails_or_wants_a_password_is_asked_no_more(code, trial, monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    asked = []

    class Broken(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(code)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Broken) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tracker = open_tracker(f"http://127.0.0.1:{server.server_port}", SWEEP)
        at_opening = len(asked)
        go_on(tracker, trial)
        server.shutdown()
    assert at_opening >= 1
    assert len(asked) == at_opening
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("a folder", "unable to open database file"),
        ("a text", "file is not a database"),
        ("a text/mlflow.db", "File exists"),
    ],
)
def test_a_store_that_cannot_be_opened_costs_one_line(
    place, why, tmp_path, trial, caplog, capfd, monkeypatch
):
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail(f"waited for {seconds} s"))
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a text").write_text("Not a database at all.\n" * 100)
    go_on(open_tracker(f"sqlite:///{tmp_path}/{place}", SWEEP), trial)
    (message,) = caplog.messages
    assert why in message
    assert message.endswith("results are kept on disk, and raytd sync sends them later")
    assert capfd.readouterr() == ("", "")

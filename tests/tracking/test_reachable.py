import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from raytd.tracking.base import SweepInfo
from raytd.tracking.open import chosen_uri, open_tracker
from raytd.tracking.reachable import require_experiment, store_finding
from tests.test_paths import no_home  # noqa: F401


def test_a_store_that_answers_says_what_it_holds(uri: str) -> None:
    open_tracker(uri, SweepInfo("quick", "reachable"))
    found, todo = store_finding(uri)
    assert found.startswith(f"{uri} answers (")
    assert todo is None


def test_a_store_that_the_first_sweep_will_make_is_not_made_here(tmp_path: Path) -> None:
    found, todo = store_finding(f"sqlite:///{tmp_path}/mlflow.db")
    assert "the first sweep makes it" in found
    assert todo is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "advice"), [(401, "MLFLOW_TRACKING_USERNAME"), (500, "Start the server")]
)
def test_a_server_that_does_not_serve_has_a_way_out(code: int, advice: str) -> None:
    class Broken(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_error(code)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    before = dict(os.environ)
    with ThreadingHTTPServer(("127.0.0.1", 0), Broken) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found, todo = store_finding(f"http://me:secret@127.0.0.1:{server.server_port}")
        server.shutdown()
    assert todo is not None
    assert advice in todo
    assert "secret" not in found + todo
    assert len(found.splitlines()) == 1
    waits = ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT")
    assert all(os.environ.get(name) in (before.get(name), "2", "20") for name in waits)


@pytest.mark.usefixtures("no_home")
def test_without_a_home_folder_a_store_is_told_what_to_set() -> None:
    found, todo = store_finding("http://127.0.0.1:1")
    assert found == "http://127.0.0.1:1"
    assert todo is not None
    assert todo.startswith("tracking: no home folder")
    assert "; set HOME" in todo
    assert todo.endswith(", or track nothing with --tracking-uri none")


def test_an_experiment_that_is_not_there_yet_is_no_problem_and_is_not_made(uri: str) -> None:
    open_tracker(uri, SweepInfo("quick", "reachable"))
    require_experiment(uri, "another")
    client = MlflowClient(tracking_uri=uri)
    assert client.get_experiment_by_name("another") is None


def test_a_folder_of_the_home_may_be_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert chosen_uri("~/mlruns", Path("runs")) == str(tmp_path / "mlruns")

import logging
import sqlite3

import pytest
import requests
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from raytd.tracking.guard import Guard, reason, without_password

REFUSAL = MlflowException("Invalid metric name\ndetails", INVALID_PARAMETER_VALUE)


def failing(error):
    def call():
        raise error

    return call


@pytest.mark.parametrize("error", [REFUSAL, requests.HTTPError("413"), FileNotFoundError("x.png")])
def test_a_refused_call_is_dropped_and_the_next_one_is_made(error, caplog):
    guard = Guard("http://tracking")
    assert guard.run(failing(error)) is None
    assert guard.run(lambda: 7) == 7
    assert len(caplog.messages) == 1
    assert "refused a call" in caplog.messages[0]


@pytest.mark.parametrize(
    "error",
    [
        MlflowException("API request failed"),
        requests.ConnectionError("refused"),
        sqlite3.OperationalError("disk I/O error"),
        RuntimeError("an artifact store's own"),
    ],
)
def test_a_dead_server_is_not_called_again(error, caplog):
    guard = Guard("http://tracking")
    calls = []
    assert guard.run(failing(error)) is None
    assert guard.run(lambda: calls.append(1)) is None
    assert calls == []
    assert len(caplog.messages) == 1


def test_the_warning_is_one_line_that_says_where_and_that_nothing_is_lost(caplog):
    guard = Guard("http://me:secret@tracking:5000")
    for _ in range(3):
        guard.run(failing(REFUSAL))
    assert caplog.record_tuples == [
        (
            "raytd",
            logging.WARNING,
            "tracking at http://***@tracking:5000 refused a call (Invalid metric name); "
            "results are kept on disk, and raytd sync sends them later",
        )
    ]


def request_that_fails():
    try:
        raise ConnectionRefusedError(111, "Connection refused")
    except OSError:
        raise MlflowException("API request to http://... failed with ...") from None


def test_the_reason_is_the_first_exception_of_the_chain():
    with pytest.raises(MlflowException) as raised:
        request_that_fails()
    assert reason(raised.value) == "[Errno 111] Connection refused"


def test_an_exception_without_words_is_named():
    assert reason(TimeoutError()) == "TimeoutError"


def test_an_interrupt_is_not_held_back():
    with pytest.raises(KeyboardInterrupt):
        Guard("http://tracking").run(failing(KeyboardInterrupt()))


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://tracking:5000/base", "http://tracking:5000/base"),
        ("https://me:secret@tracking", "https://***@tracking"),
        ("postgresql://me:p%40ss@host/db", "postgresql://***@host/db"),
        ("sqlite:////data/a@b/mlflow.db", "sqlite:////data/a@b/mlflow.db"),
    ],
)
def test_passwords_are_not_printed(uri, shown):
    assert without_password(uri) == shown

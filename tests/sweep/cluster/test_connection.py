"""Failures of Ray's start, as one line; Ray is not started here."""

import errno
from typing import Any

import pytest
import ray

from raytd.errors import RaytdError
from raytd.sweep.cluster.connection import connect
from raytd.sweep.cluster.health import ray_findings


@pytest.fixture(autouse=True)
def _unconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests of this process may have left it connected to a cluster."""
    monkeypatch.setattr(ray, "is_initialized", lambda: False)


@pytest.mark.parametrize(
    ("error", "told", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/t/ray"), "device /t/ray); set TMPD", 2),
        (Exception("The current node timed out during startup. This could"), "machine is busy", 1),
    ],
)
def test_a_cluster_that_cannot_be_started_is_one_line(
    error: Exception, told: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: Any) -> None:
        raise error

    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(RaytdError) as caught, connect(None):
        pass
    assert told in str(caught.value)
    assert caught.value.exit_code == code
    assert len(str(caught.value).splitlines()) == 1


def test_an_error_of_ray_that_nobody_knows_stays_itself_and_doctor_tells_where_to_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(**_: Any) -> None:
        raise ValueError("no such thing\nand more")

    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(ValueError, match="no such thing"), connect(None):
        pass
    (finding,) = ray_findings(None, start=True)
    assert finding.found == "started on this machine: no such thing"
    assert finding.todo == "See the logs in /tmp/ray/session_latest/logs."

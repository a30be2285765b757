"""Failures of Ray's start, as one line; Ray is not started here."""

import errno
from typing import Any

import pytest
import ray

from raytd.errors import RaytdError
from raytd.sweep.cluster import connect


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

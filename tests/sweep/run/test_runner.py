"""A network that cannot be trained is said, whatever took it, and the others go on."""

from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import ray
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayTaskError, WorkerCrashedError

from raytd.errors import NotFiniteError, StorageError
from raytd.storage.locks import alone, make_once
from raytd.sweep.run.runner import _outcome


def outcome_of(error: Exception, monkeypatch: pytest.MonkeyPatch) -> str:
    def get(_: Any) -> float:
        raise error

    monkeypatch.setattr(ray, "get", get)
    return _outcome(None)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (WorkerCrashedError(), "failed: its process was lost 4 times"),
        (NodeDiedError("node 7 has died"), "failed: NodeDiedError: node 7 has died"),
        (OutOfMemoryError("killed\nmore"), "failed: OutOfMemoryError: killed"),
        (RayTaskError("f", "traceback", NotFiniteError("NaN")), "failed: NaN"),
    ],
)
def test_every_loss_of_a_training_is_an_outcome_in_one_line(
    error: Exception, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outcome_of(error, monkeypatch) == outcome


def test_a_storage_that_cannot_be_written_ends_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StorageError, match="full"):
        outcome_of(RayTaskError("f", "traceback", StorageError("full")), monkeypatch)


def test_a_source_that_another_process_makes_is_waited_for_in_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "key.json"

    def make() -> None:
        pytest.fail("it is made twice")

    with alone(path, what="source x"):
        waiter = Thread(target=make_once, args=(path, make), kwargs={"what": "source x"})
        waiter.start()
        while not caplog.messages:
            assert waiter.is_alive()
        path.write_text("{}")
    waiter.join()
    assert caplog.messages == ["source x: another process makes it; waiting for key.json"]

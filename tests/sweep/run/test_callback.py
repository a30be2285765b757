"""What is made of the losses that Tune tells of."""

import copy
import pickle
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from raytd.rows.row import Row
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.run.callback import SILENT_S, _Waits, forward
from raytd.sweep.trials.plan import SweepPlan
from raytd.sweep.trials.trial import Trial
from tests.sweep.losses import leave_result, planned


class Ends:
    """Keeps the rows that it is told."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def on_end(self, _: Trial, row: Row) -> None:
        """A trial has ended."""
        self.rows.append(row)

    def __getattr__(self, _: str) -> Any:
        return lambda *_: None


def after_the_last_loss(plan: SweepPlan) -> tuple[list[Row], Row | None]:
    """The rows that the listener is told, and the one in the ledger."""
    (trial,) = plan.trials
    listener = Ends()
    callback = forward({trial.key: trial}, listener, plan, 60.0)
    callback.on_trial_error(trial=SimpleNamespace(config={"trial_key": trial.key}))
    return listener.rows, Ledger(plan.folder).row(trial.key)


def test_the_last_loss_of_a_process_makes_a_failed_row(tmp_path: Path) -> None:
    told, kept = after_the_last_loss(planned(tmp_path))
    assert told == [kept]
    assert told[0]["error"] == "its process was lost 4 times"
    assert told[0]["transient"]


def test_the_last_loss_after_the_result_was_written_leaves_it_and_counts_as_done(
    tmp_path: Path,
) -> None:
    plan = planned(tmp_path)
    row = leave_result(plan)
    assert after_the_last_loss(plan) == ([row], row)
    (trial,) = plan.trials
    assert not (Ledger(plan.folder).trial_folder(trial.key) / "checkpoint").exists()


def test_a_row_that_is_to_be_made_afresh_does_not_count(tmp_path: Path) -> None:
    leave_result(planned(tmp_path))
    plan = planned(tmp_path, fresh=True)
    told, kept = after_the_last_loss(plan)
    assert told == [kept]
    assert told[0]["status"] == "failed"


def test_a_row_that_is_told_twice_ends_a_trial_once(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    row = leave_result(plan)
    (trial,) = plan.trials
    listener = Ends()
    callback = forward({trial.key: trial}, listener, plan, 60.0)
    tunes = SimpleNamespace(config={"trial_key": trial.key})
    for _ in range(2):
        callback.on_trial_result(trial=tunes, result={"row": row})
    assert listener.rows == [row]


def test_a_running_trial_without_news_is_said_and_a_place_that_stays_is_no_news(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr("raytd.sweep.cluster.waiting.unplaced", lambda *, idle: {})
    lines: list[str] = []
    waits = _Waits(SimpleNamespace(on_wait=lines.append), 60.0, lambda: now[0])
    for place in [(0, 1), (0, 2), (0, 2), (0, 2)]:
        waits.hear("x", {"place": place})
        waits.look(["x"])
        now[0] += SILENT_S
    assert lines == ["waiting for news of x, 5 min", "waiting for news of x, 10 min"]


class Locked(Ends):
    """Holds what no pickle can hold, as a view on a terminal does."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.RLock()


def test_a_listener_that_cannot_be_pickled_stays_out_of_what_tune_writes(tmp_path: Path) -> None:
    from ray import cloudpickle
    from ray.tune import Callback

    plan = planned(tmp_path)
    (trial,) = plan.trials
    listener = Locked()
    with pytest.raises(TypeError, match="pickle"):
        cloudpickle.dumps(listener)
    callback = forward({trial.key: trial}, listener, plan, 60.0)
    written = cloudpickle.dumps({"callbacks": [callback]})
    assert len(written) < 1000  # neither the plan nor its images
    (read,) = pickle.loads(written)["callbacks"]
    assert type(read) is Callback
    assert callback.get_state() is None
    # Tune may copy what it is given; the copy still tells the same listener.
    row = leave_result(plan)
    copy.deepcopy(callback).on_trial_result(
        trial=SimpleNamespace(config={"trial_key": trial.key}), result={"row": row}
    )
    assert listener.rows == [row]

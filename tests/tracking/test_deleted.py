"""What MLflow's trash holds takes nothing, and says how it is taken out again."""

import logging

import pytest
from mlflow import MlflowClient

from raytd.errors import RequestError, TrackingError
from raytd.tracking.base import Closing, SweepInfo, TrialInfo
from raytd.tracking.open import open_tracker
from raytd.tracking.reachable import require_experiment
from raytd.tracking.sync import send

WAY = "was deleted in MLflow; restore it with `mlflow {0}s restore --{0}-id {1}`"


@pytest.fixture
def deleted(uri: str, sweep: SweepInfo) -> str:
    """The number of the sweep's experiment, which is in the trash."""
    open_tracker(uri, sweep)
    client = MlflowClient(tracking_uri=uri)
    number = str(client.get_experiment_by_name(sweep.experiment).experiment_id)
    client.delete_experiment(number)
    return number


def test_a_deleted_experiment_is_refused_before_anything_starts(
    uri: str, sweep: SweepInfo, deleted: str
) -> None:
    with pytest.raises(RequestError) as caught:
        require_experiment(uri, sweep.experiment)
    (problem,) = caught.value.problems
    assert problem.startswith(f"tracking at {uri}: the experiment '{sweep.experiment}' was deleted")
    assert WAY.format("experiment", deleted) in problem
    assert "--set tracking.experiment=NAME" in problem
    MlflowClient(tracking_uri=uri).restore_experiment(deleted)
    require_experiment(uri, sweep.experiment)


def test_a_store_that_does_not_answer_stops_no_sweep() -> None:
    require_experiment("http://127.0.0.1:1", "any")


def test_the_tracker_and_sync_say_how_it_is_restored(
    uri: str, sweep: SweepInfo, deleted: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "raytd"):
        open_tracker(uri, sweep)
    (message,) = caplog.messages
    assert WAY.format("experiment", deleted) in message
    with pytest.raises(TrackingError) as caught:
        send(uri, sweep, [], Closing("done", {}, [], []))
    assert WAY.format("experiment", deleted) in str(caught.value)
    assert "same command" not in str(caught.value)


def test_what_is_deleted_while_a_sweep_runs_is_said_once(
    uri: str, sweep: SweepInfo, trial: TrialInfo, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = open_tracker(uri, sweep)
    tracker.log_iteration(trial, 0, {"distance": 1.0}, [])
    run = tracker.run_id(trial.key)
    assert run is not None
    MlflowClient(tracking_uri=uri).delete_run(run)
    with caplog.at_level(logging.WARNING, "raytd"):
        for iteration in (1, 2):
            tracker.log_iteration(trial, iteration, {"distance": 1.0}, [])
    (message,) = caplog.messages
    assert WAY.format("run", run) in message

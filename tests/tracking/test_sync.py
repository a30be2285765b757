"""Sending a sweep from disk: everything once, whatever was there before and whatever failed."""

import sqlite3
from dataclasses import replace

import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from raytd.errors import TrackingError
from raytd.tracking.base import Closing, TrialInfo
from raytd.tracking.open import open_tracker
from raytd.tracking.quiet import import_mlflow
from raytd.tracking.runs import Run
from raytd.tracking.sync import TrialRecord, send


@pytest.fixture
def client(uri):
    import_mlflow()
    return MlflowClient(tracking_uri=uri)


@pytest.fixture
def records(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("iteration 0\n")
    return [
        TrialRecord(
            info=TrialInfo(key, f"trial {key}", {"seed": 0}, {"method": "coupled"}),
            digest=f"digest of {key}",
            iterations=[{"iteration": k, "distance": 2.0 - k} for k in range(2)],
            knots=[
                {"iteration": k, "knot": m, "segment_length": k + m / 10}
                for k in range(2)
                for m in range(3)
            ],
            finals={"distance": 1.0, "arrived": 1.0},
            status="done",
            artifacts=[log],
        )
        for key in ("k1", "k2", "k3")
    ]


@pytest.fixture
def closing(tmp_path):
    picture = tmp_path / "distances.png"
    picture.write_bytes(b"\x89PNG")
    return Closing("done", {"trials": 3.0}, [picture], [{"trial_key": k} for k in ("k1", "k2")])


@pytest.fixture
def store(client, sweep):
    """Everything that the store holds of the sweep, by run."""

    def read():
        experiment = client.get_experiment_by_name(sweep.experiment)
        if experiment is None:
            return {}
        found = {}
        for run in client.search_runs([experiment.experiment_id]):
            assert run.info.run_name not in found
            names = run.data.metrics
            curves = {n: client.get_metric_history(run.info.run_id, n) for n in names}
            found[run.info.run_name] = {
                "status": run.info.status,
                "params": run.data.params,
                "curves": {n: [(p.step, p.value) for p in c] for n, c in curves.items()},
                "files": {f.path for f in client.list_artifacts(run.info.run_id)},
                "end": run.info.end_time,
            }
        return found

    return read


def test_a_sweep_that_nobody_tracked_is_there_afterwards(uri, sweep, records, closing, store):
    sent = send(uri, sweep, iter(records), closing)
    held = store()
    assert set(held) == {"quick", "trial k1", "trial k2", "trial k3"}
    assert {run["status"] for run in held.values()} == {"FINISHED"}
    assert held["trial k2"]["curves"] == {
        "distance": [(0, 2.0), (1, 1.0)],
        "knots.segment_length": [(k * 3 + m, k + m / 10) for k in range(2) for m in range(3)],
        "arrived": [(0, 1.0)],
    }
    assert held["trial k2"]["files"] == {"log.txt"}
    assert held["quick"]["files"] == {"sweep.yaml", "distances.png", "results.json"}
    assert (sent.n_trials, sent.n_trials_sent, sent.refusals) == (3, 3, ())
    # Nine numbers of each trial and one of the sweep; a file of each trial and three of the sweep.
    assert (sent.n_points, sent.n_files) == (28, 6)


def test_sent_twice_it_is_there_once(uri, sweep, records, closing, store):
    send(uri, sweep, records, closing)
    before = store()
    again = send(uri, sweep, records, closing)
    assert (again.n_trials, again.n_trials_sent, again.n_points, again.n_files) == (3, 0, 0, 0)
    assert store() == before


def test_the_curves_of_a_sync_are_those_of_a_running_sweep(uri, sweep, records, store):
    record = records[0]
    tracker = open_tracker(uri, sweep)
    for k in range(2):
        knots = [{"knot": m, "segment_length": k + m / 10} for m in range(3)]
        tracker.log_iteration(record.info, k, {"distance": 2.0 - k}, knots)
    tracker.finish_trial(record.info, record.finals, status="done", artifacts=record.artifacts)
    tracker.close(Closing("done"))
    before = store()
    sent = send(uri, sweep, [record], Closing("done"))
    assert (sent.n_trials_sent, sent.n_points, sent.n_files) == (0, 0, 0)
    assert store() == before


def test_what_a_running_sweep_could_not_send_is_added_to_its_run(uri, sweep, records, store):
    open_tracker(uri, sweep).log_iteration(records[0].info, 0, {"distance": 2.0}, [])
    sent = send(uri, sweep, records[:1], Closing("interrupted"))
    held = store()
    assert set(held) == {"quick", "trial k1"}
    assert held["trial k1"]["curves"]["distance"] == [(0, 2.0), (1, 1.0)]
    assert held["trial k1"]["status"] == "FINISHED"
    assert held["quick"]["status"] == "KILLED"
    assert sent.n_points == 8


@pytest.mark.parametrize("n_calls", range(0, 13, 2))
def test_after_a_failure_at_any_call_only_the_rest_is_sent(
    n_calls, uri, sweep, records, closing, store, monkeypatch
):
    """Numbers and files are sent in thirteen calls."""
    left, sent = [n_calls], list[int]()

    def cut(name, count):
        inner = getattr(Run, name)

        def call(self, *args):
            left[0] -= 1
            if left[0] < 0:
                raise sqlite3.OperationalError("disk I/O error")
            inner(self, *args)
            if count == "points":
                sent.append(len(args[0]))

        monkeypatch.setattr(Run, name, call)

    cut("_send", "points")
    cut("_upload", "files")
    with pytest.raises(TrackingError, match="the same command sends the rest"):
        send(uri, sweep, records, closing)
    monkeypatch.undo()
    rest = send(uri, sweep, records, closing)
    assert sum(sent) + rest.n_points == 28
    whole = store()
    assert send(uri, sweep, records, closing).n_points == 0
    assert store() == whole
    assert len(whole) == 4


def test_a_result_that_changed_is_sent_again(uri, sweep, records, store):
    failed = replace(
        records[0], status="failed", digest="of the failure", iterations=[], knots=[], finals={}
    )
    send(uri, sweep, [failed], Closing("failed"))
    assert store()["trial k1"]["status"] == "FAILED"
    send(uri, sweep, [records[0]], Closing("done"))
    assert store()["trial k1"]["status"] == "FINISHED"
    assert store()["trial k1"]["curves"]["arrived"] == [(0, 1.0)]


def test_a_trial_that_is_refused_does_not_hold_up_the_others(uri, sweep, records, closing, store):
    bad = replace(records[1], finals={"no name?": 1.0})
    sent = send(uri, sweep, [records[0], bad, records[2]], closing)
    assert len(sent.refusals) == 1
    assert sent.refusals[0].startswith("trial k2: ")
    assert store()["trial k3"]["status"] == "FINISHED"
    mended = send(uri, sweep, records, closing)
    assert (mended.n_trials_sent, mended.refusals) == (1, ())
    assert store()["trial k2"]["curves"]["arrived"] == [(0, 1.0)]


def test_a_server_that_is_not_there_is_one_line_without_its_password(
    sweep, records, closing, monkeypatch, capfd
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError) as raised:
        send("http://me:secret@127.0.0.1:9", sweep, records, closing)
    assert len(str(raised.value).splitlines()) == 1
    assert "secret" not in str(raised.value)
    assert "Connection refused" in str(raised.value)
    assert capfd.readouterr() == ("", "")


def test_a_refusal_of_the_whole_sweep_is_an_error(uri, sweep, records, monkeypatch):
    def refuse(*_):
        raise MlflowException("no such thing")

    monkeypatch.setattr(Run, "summarise", refuse)
    with pytest.raises(TrackingError, match="no such thing"):
        send(uri, sweep, [], Closing("done"))


def test_a_run_has_the_times_of_its_trial_and_the_sweep_those_of_all(uri, sweep, records, client):
    timed = [
        replace(record, info=replace(record.info, started=100.0 * n), ended=100.0 * n + 7)
        for n, record in enumerate(records, start=1)
    ]
    send(uri, replace(sweep, started=100.0), timed, Closing("done", ended=307.0))
    experiment = client.get_experiment_by_name(sweep.experiment)
    times = {
        run.info.run_name: (run.info.start_time, run.info.end_time)
        for run in client.search_runs([experiment.experiment_id])
    }
    assert times == {
        "quick": (100_000, 307_000),
        "trial k1": (100_000, 107_000),
        "trial k2": (200_000, 207_000),
        "trial k3": (300_000, 307_000),
    }


def test_a_run_of_an_earlier_release_is_completed_and_keeps_what_it_has(
    uri, sweep, records, client, store
):
    record = records[0]
    send(uri, sweep, [], Closing("done"))
    experiment = client.get_experiment_by_name(sweep.experiment).experiment_id
    (parent,) = client.search_runs([experiment])
    own = {"raytd.trial_key": record.info.key, "mlflow.parentRunId": parent.info.run_id}
    own |= {"raytd.sent": record.digest, "raytd.files": '{"log.txt": "c21e12b2361e"}'}
    old = client.create_run(experiment, tags=own, run_name="coupled a->b").info.run_id
    client.log_param(old, "lam", "20.0")
    client.log_metric(old, "final.distance", 1.0)
    client.set_terminated(old, "FINISHED")
    for n_sent in (1, 0):
        assert send(uri, sweep, [record], Closing("done")).n_trials_sent == n_sent
    held = store()[record.info.name]
    assert held["params"] == {"lam": "20.0", "seed": "0"}
    assert held["curves"]["final.distance"] == [(0, 1.0)]
    assert held["curves"]["distance"] == [(0, 2.0), (1, 1.0)]
    assert client.get_run(old).info.status == "FINISHED"
    assert len(client.get_run(old).data.tags["raytd.files"]) == 16

"""What an MLflow store holds after a sweep."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from mlflow.tracking import MlflowClient
from ruamel.yaml import YAML

from raytd.tracking.base import Closing, DatasetInfo, SweepInfo, TrialInfo
from raytd.tracking.open import open_tracker
from raytd.tracking.quiet import import_mlflow
from raytd.tracking.sqlite_file import store_file


@pytest.fixture
def client(uri):
    import_mlflow()
    return MlflowClient(tracking_uri=uri)


@pytest.fixture
def reopen(uri, sweep):
    """Opens the sweep's tracker as a new process would."""
    return lambda: open_tracker(uri, sweep)


@pytest.fixture
def runs(client, sweep):
    """All runs of the sweep's experiment, by name."""

    def read():
        experiment = client.get_experiment_by_name(sweep.experiment)
        found = client.search_runs([experiment.experiment_id])
        assert len({run.info.run_name for run in found}) == len(found)
        return {run.info.run_name: run for run in found}

    return read


def curve(client, run_id, name):
    return [(p.step, p.value) for p in client.get_metric_history(run_id, name)]


def test_a_trial_is_a_child_with_its_params_and_tags(reopen, runs, trial):
    tracker = reopen()
    tracker.finish_trial(trial, {}, status="done", artifacts=[])
    child = runs()[trial.name]
    assert child.data.params == {"method": "coupled", "seed": "0"}
    assert child.data.tags["raytd.source"] == "low"
    assert child.data.tags["raytd.trial_key"] == "k1"
    assert child.data.tags["mlflow.parentRunId"] == runs()["quick"].info.run_id
    assert tracker.run_id("k1") == child.info.run_id
    assert tracker.run_id("k2") is None


def test_the_sweep_is_described_and_keeps_its_file(reopen, runs, client):
    reopen()
    parent = runs()["quick"]
    assert parent.data.tags["mlflow.note.content"] == "**Three** tasks."
    assert parent.data.tags["raytd.sweep"] == "quick"
    assert parent.data.tags["team"] == "a"
    assert [f.path for f in client.list_artifacts(parent.info.run_id)] == ["sweep.yaml"]


@pytest.mark.parametrize(
    ("status", "shown"), [("done", "FINISHED"), ("failed", "FAILED"), ("interrupted", "KILLED")]
)
def test_the_sweep_runs_until_it_is_closed(reopen, runs, status, shown):
    for _ in range(2):
        tracker = reopen()
        assert runs()["quick"].info.status == "RUNNING"
        tracker.close(Closing(status, {}, []))
        assert runs()["quick"].info.status == shown


@pytest.mark.parametrize(("status", "shown"), [("done", "FINISHED"), ("failed", "FAILED")])
def test_a_trial_runs_until_it_is_finished(reopen, runs, trial, status, shown):
    tracker = reopen()
    tracker.log_iteration(trial, 0, {"distance": 1.0}, [])
    assert runs()[trial.name].info.status == "RUNNING"
    tracker.finish_trial(trial, {}, status=status, artifacts=[])
    assert runs()[trial.name].info.status == shown


def test_an_open_trial_ends_with_the_sweep_and_goes_on_later(reopen, runs, trial):
    tracker = reopen()
    tracker.log_iteration(trial, 0, {"distance": 1.0}, [])
    tracker.close(Closing("interrupted", {}, []))
    assert runs()[trial.name].info.status == "KILLED"
    reopen().log_iteration(trial, 1, {"distance": 0.9}, [])
    assert runs()[trial.name].info.status == "RUNNING"


def test_results_are_metrics_and_what_is_missing_is_left_out(reopen, runs, trial):
    metrics = {"distance": 1.5, "arrived": True, "noise_share": None, "gap": float("nan")}
    reopen().finish_trial(trial, metrics, status="done", artifacts=[])
    assert runs()[trial.name].data.metrics == {"distance": 1.5, "arrived": 1.0}


def test_curves_are_complete_beyond_the_size_of_a_batch(reopen, runs, client, trial):
    tracker = reopen()
    names = ["segment_length", "train_loss", "val_loss", "tracking_gap", "fisher_rao_norm"]
    for iteration in range(2):
        knots = [
            {"knot": m, "iteration": iteration} | dict.fromkeys(names, iteration + m / 1000)
            for m in range(501)
        ]
        tracker.log_iteration(trial, iteration, {"distance": 2.0 - iteration}, knots)
    run_id = runs()[trial.name].info.run_id
    assert curve(client, run_id, "distance") == [(0, 2.0), (1, 1.0)]
    expected = [(k * 501 + m, k + m / 1000) for k in range(2) for m in range(501)]
    for name in names:
        assert curve(client, run_id, f"knots.{name}") == expected


def test_params_and_tags_may_be_more_than_a_batch_takes(reopen, runs):
    many = {f"p{i}": i for i in range(250)}
    trial = TrialInfo("k1", "many", many, {f"t{i}": "x" for i in range(150)})
    reopen().finish_trial(trial, {}, status="done", artifacts=[])
    assert runs()["many"].data.params == {name: str(value) for name, value in many.items()}
    assert sum(name.startswith("t") for name in runs()["many"].data.tags) == 150


def report_all(tracker, trial):
    for iteration in range(3):
        knots = [{"knot": m, "segment_length": iteration + m / 10} for m in range(4)]
        tracker.log_iteration(trial, iteration, {"distance": 3.0 - iteration}, knots)
    tracker.finish_trial(trial, {"distance": 1.0}, status="done", artifacts=[])
    tracker.close(Closing("done", {"trials_done": 1.0}, []))


def test_a_sweep_told_twice_is_there_once(reopen, runs, client, trial):
    report_all(reopen(), trial)
    before = {name: run.info.run_id for name, run in runs().items()}
    report_all(reopen(), trial)
    assert {name: run.info.run_id for name, run in runs().items()} == before
    assert len(before) == 2
    child, parent = before[trial.name], before["quick"]
    assert curve(client, child, "distance") == [(0, 3.0), (1, 2.0), (2, 1.0)]
    assert len(curve(client, child, "knots.segment_length")) == 12
    assert curve(client, parent, "trials_done") == [(0, 1.0)]


def test_a_trial_that_is_run_afresh_has_its_new_result(reopen, runs, trial, tmp_path):
    table = tmp_path / "result.json"
    for distance in (1.0, 2.0):
        table.write_text(str(distance))
        reopen().finish_trial(trial, {"distance": distance}, status="done", artifacts=[table])
    child = runs()[trial.name]
    assert child.data.metrics == {"distance": 2.0}
    assert child.info.status == "FINISHED"
    kept = Path(unquote(urlsplit(child.info.artifact_uri).path)) / "result.json"
    assert kept.read_text() == "2.0"


def test_a_trial_that_was_cut_off_is_completed_without_doubling(reopen, runs, client, trial):
    knots = [{"knot": m, "segment_length": 1.0} for m in range(3)]
    reopen().log_iteration(trial, 0, {"distance": 3.0}, knots)
    tracker = reopen()
    for iteration in range(2):
        tracker.log_iteration(trial, iteration, {"distance": 3.0 - iteration}, knots)
    run_id = runs()[trial.name].info.run_id
    assert curve(client, run_id, "distance") == [(0, 3.0), (1, 2.0)]
    assert curve(client, run_id, "knots.segment_length") == [(step, 1.0) for step in range(6)]


def test_a_failed_trial_that_succeeds_later_changes_its_run(reopen, runs, trial):
    failed = TrialInfo(trial.key, trial.name, trial.params, {"raytd.error": "out of memory"})
    tracker = reopen()
    tracker.log_iteration(trial, 0, {"distance": 3.0}, [])
    tracker.finish_trial(failed, {"distance": 3.0}, status="failed", artifacts=[])
    assert runs()[trial.name].data.tags["raytd.error"] == "out of memory"
    reopen().finish_trial(trial, {"distance": 1.0}, status="done", artifacts=[])
    child = runs()[trial.name]
    assert child.info.status == "FINISHED"
    assert child.data.metrics["distance"] == 1.0


def test_artifacts_are_kept_with_the_trial_and_the_sweep(reopen, runs, client, trial, tmp_path):
    config, picture = tmp_path / "config.json", tmp_path / "distances-coupled.png"
    config.write_text("{}")
    picture.write_bytes(b"\x89PNG")
    tracker = reopen()
    tracker.finish_trial(trial, {}, status="done", artifacts=[config])
    tracker.close(Closing("done", {}, [picture]))
    parent, child = runs()["quick"].info.run_id, runs()[trial.name].info.run_id
    assert [f.path for f in client.list_artifacts(child)] == ["config.json"]
    kept = client.download_artifacts(parent, "distances-coupled.png", str(tmp_path))
    assert Path(kept).read_bytes() == b"\x89PNG"


LOW = DatasetInfo("digits-low", "d1", {"dataset": "digits", "classes": ["0", "1"]}, "source")
HIGH = DatasetInfo("digits-high", "d2", {"dataset": "digits", "classes": ["5"]}, "target")


def test_data_are_inputs_with_their_digest_and_role(reopen, runs, client):
    trial = TrialInfo("k1", "low -> high", datasets=[LOW, HIGH])
    for _ in range(2):
        reopen().log_iteration(trial, 0, {"distance": 1.0}, [])
    inputs = client.get_run(runs()["low -> high"].info.run_id).inputs.dataset_inputs
    shown = {
        (i.dataset.name, i.dataset.digest, i.dataset.source, *(t.value for t in i.tags))
        for i in inputs
    }
    assert len(inputs) == 2
    assert shown == {
        ("digits-low", "d1", '{"classes": ["0", "1"], "dataset": "digits"}', "source"),
        ("digits-high", "d2", '{"classes": ["5"], "dataset": "digits"}', "target"),
    }


def test_the_table_of_a_sweep_that_goes_on_has_every_row_once(
    uri, reopen, runs, client, monkeypatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)  # `load_table` asks no client
    first = [{"trial_key": "k1", "distance": None, "status": "failed"}]
    later = [{"trial_key": "k1", "distance": 1.5, "status": "done"}, {"trial_key": "k2"}]
    for rows in (first, later, later):
        reopen().close(Closing("done", table=rows))
    parent = runs()["quick"]
    table = client.load_table(parent.info.experiment_id, "results.json", [parent.info.run_id])
    assert list(table["trial_key"]) == ["k1", "k2"]
    assert table["distance"][0] == 1.5


def test_the_resolved_file_is_kept_with_the_sweep(uri, sweep, runs, client, tmp_path):
    resolved = {"name": "quick", "grid": {"coupled.lam": [1.0, 20.0]}, "weights": None}
    open_tracker(uri, replace(sweep, resolved=resolved))
    run_id = runs()["quick"].info.run_id
    kept = Path(client.download_artifacts(run_id, "sweep-resolved.yaml", str(tmp_path)))
    assert YAML(typ="safe").load(kept) == resolved


def test_a_file_is_sent_once_and_again_when_it_has_changed(reopen, runs, client, tmp_path):
    picture = tmp_path / "distances.png"
    picture.write_bytes(b"one")
    reopen().close(Closing("done", artifacts=[picture]))
    run = runs()["quick"]
    (at_server,) = Path(run.info.artifact_uri.removeprefix("file://")).glob("distances.png")
    at_server.unlink()
    reopen().close(Closing("done", artifacts=[picture]))
    assert not at_server.exists()
    picture.write_bytes(b"two")
    reopen().close(Closing("done", artifacts=[picture]))
    assert at_server.read_bytes() == b"two"


def test_no_tag_but_those_of_mlflow_itself_is_json(reopen, runs, trial, tmp_path):
    file = tmp_path / "config.json"
    file.write_text("{}")
    tracker = reopen()
    tracker.finish_trial(trial, {}, status="done", artifacts=[file])
    tracker.close(Closing("done", {}, [file], [{"trial_key": "k1"}]))
    tags = {n: t for run in runs().values() for n, t in run.data.tags.items()}
    assert len(tags["raytd.files"]) == 16
    assert not [n for n, t in tags.items() if t[:1] in "{[" and not n.startswith("mlflow.")]


def test_what_is_too_long_for_mlflow_ends_where_the_whole_is_to_be_found(reopen, runs):
    long = TrialInfo("k1", "long", {"source.classes": "x" * 7000, "fits": "y" * 6000})
    reopen().finish_trial(long, {}, status="done", artifacts=[])
    params = runs()["long"].data.params
    assert params["fits"] == "y" * 6000
    assert len(params["source.classes"]) == 6000
    assert params["source.classes"].endswith(
        "x… (7000 characters; the whole text is among the artifacts)"
    )


def test_a_run_has_the_times_of_its_trial(reopen, runs, trial):
    tracker = reopen()
    tracker.begin_trial(replace(trial, started=1000.0))
    assert runs()[trial.name].info.status == "RUNNING"
    tracker.finish_trial(trial, {"distance": 1.0}, status="done", artifacts=[], ended=1012.5)
    info = runs()[trial.name].info
    assert (info.start_time, info.end_time) == (1_000_000, 1_012_500)


def test_a_result_that_is_not_where_its_curve_ended_ends_it(reopen, runs, client, trial):
    """As of a trial that was run afresh after its run had got the curve of the first time."""
    tracker = reopen()
    for iteration in range(2):
        tracker.log_iteration(trial, iteration, {"distance": 3.0 - iteration}, [])
    tracker.finish_trial(trial, {"distance": 1.5}, status="done", artifacts=[])
    child = runs()[trial.name]
    assert child.data.metrics["distance"] == 1.5
    assert {step for step, _ in curve(client, child.info.run_id, "distance")} == {0, 1}


def test_a_run_takes_the_name_that_its_trial_has_now(reopen, runs, trial):
    reopen().begin_trial(trial)
    before = runs()[trial.name].info.run_id
    reopen().finish_trial(replace(trial, name="renamed"), {}, status="done", artifacts=[])
    assert runs()["renamed"].info.run_id == before
    assert trial.name not in runs()


def test_files_lie_beside_the_store(reopen, runs, storage):
    reopen()
    assert runs()["quick"].info.artifact_uri.startswith((storage / "mlartifacts").as_uri())


def test_sweeps_and_trials_of_other_names_are_other_runs(uri, sweep, runs, trial):
    for name in ("one", "o'clock"):
        tracker = open_tracker(uri, SweepInfo(name, sweep.experiment))
        named = TrialInfo(trial.key, f"trial of {name}")
        tracker.finish_trial(named, {}, status="done", artifacts=[])
    assert set(runs()) == {"one", "o'clock", "trial of one", "trial of o'clock"}


def test_a_trial_is_not_taken_for_the_sweep_that_its_tags_name(uri, sweep, runs):
    named = TrialInfo("k1", "a trial", tags={"raytd.sweep": "later"})
    first = open_tracker(uri, SweepInfo("first", sweep.experiment))
    first.log_iteration(named, 0, {"distance": 1.0}, [])
    open_tracker(uri, SweepInfo("later", sweep.experiment))
    assert set(runs()) == {"first", "a trial", "later"}


def test_a_refused_call_loses_nothing_but_itself(reopen, runs, trial, caplog):
    tracker = reopen()
    tracker.log_iteration(trial, 0, {"not a name?": 1.0}, [])
    tracker.log_iteration(trial, 1, {"distance": 1.0}, [])
    assert runs()[trial.name].data.metrics == {"distance": 1.0}
    assert len(caplog.messages) == 1


def test_a_missing_file_leaves_no_run_open(reopen, runs, trial, tmp_path, caplog):
    tracker = reopen()
    gone = [tmp_path / "gone.png"]
    tracker.finish_trial(trial, {"distance": 1.0}, status="done", artifacts=gone)
    tracker.close(Closing("done", {}, gone))
    assert [run.info.status for run in runs().values()] == ["FINISHED", "FINISHED"]
    assert len(caplog.messages) == 1
    assert "gone.png" in caplog.messages[0]


@pytest.mark.parametrize(
    ("uri", "file"),
    [
        ("sqlite:////data/my runs/mlflow.db", Path("/data/my runs/mlflow.db")),
        ("sqlite:////data/mlflow.db?timeout=5", Path("/data/mlflow.db")),
        ("sqlite:///mlflow.db", Path("mlflow.db").resolve()),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("http://tracking:5000", None),
        ("postgresql://host/db", None),
    ],
)
def test_only_sqlite_keeps_its_store_in_a_file(uri, file):
    assert store_file(uri) == file

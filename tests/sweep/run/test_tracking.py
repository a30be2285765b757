"""What the tracker shows of a sweep is the same while it runs and from its files."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from raytd.errors import RequestError
from raytd.sweep.file.load import load_sweep
from raytd.sweep.folder.find import sweep_folder
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.run.tracking import (
    finals,
    sweep_info,
    sweep_record,
    trial_info,
    trial_records,
)
from raytd.sweep.trials.plan import SweepPlan
from raytd.sweep.trials.trial import Trial, failed_row
from raytd.tracking.sync import TrialRecord
from tests.sweep import small

SWEEP = """
name: small
description: Two seeds.
tasks: [digits-low, digits-high]
data: {train: 30, val: 20}
pairs: [[digits-low, digits-high], [digits-low, digits-low]]
methods: [coupled]
grid: {coupled.lam: [1.0, 100.0]}
coupled: {iterations: 2, tile_size: 5, epsilon: 0.1}
trajectory: {steps: 20, batch_size: 8, lr: 0.01, segments: 20}
pretrain: {epochs: 2, batch_size: 10}
stop: {tolerance: 0}
resources: {cpus_per_actor: 0.1}
tracking: {experiment: capacity}
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> SweepPlan:
    """A sweep of four trials, of which two have a result and one has failed."""
    folder = tmp_path_factory.mktemp("storage")
    plan = small.planned(SWEEP, folder, storage=folder)
    small.run(plan, plan.trials[:2])
    ledger = Ledger(plan.folder)
    failed = plan.trials[2]
    described = failed.config.model_dump(mode="json")
    ledger.log(failed.key).fail("out of memory")
    ledger.write_failure(failed_row(failed, "out of memory", transient=False), described)
    return plan


def test_a_trial_is_described_alike_while_it_runs_and_from_its_files(plan: SweepPlan) -> None:
    asked = plan.spec.model_dump(mode="json")
    running = {
        t.key: trial_info(t.key, t.config, asked=asked, digests=(t.source.digest, t.target.digest))
        for t in plan.trials
    }
    records = list(trial_records(plan.folder))
    assert {r.info.key for r in records} == {t.key for t in plan.trials[:3]}
    for record in records:
        assert replace(record.info, started=None) == running[record.info.key]


def record_of(plan: SweepPlan, trial: Trial) -> TrialRecord:
    (record,) = (r for r in trial_records(plan.folder) if r.info.key == trial.key)
    return record


def test_everything_that_a_trial_depends_on_is_a_param(plan: SweepPlan) -> None:
    trial = plan.trials[0]
    record, config = record_of(plan, trial), trial.config
    params = dict(record.info.params)
    assert {name: params[name] for name in ("log10_lam", "log10_epsilon")} == {
        "log10_lam": 0.0,
        "log10_epsilon": -1.0,
    }
    assert len(str(params["protocol"])) == 8
    expected = {"seed": 0, "method": "coupled", "model": "cnn8-narrow", "coupled.lam": 1.0,
                "coupled.epsilon": 0.1, "coupled.tile_size": 5, "trajectory.steps": 20,
                "trajectory.lr": 0.01, "trajectory.epochs": "none", "pretrain.epochs": 2,
                "stop.metric": "distance", "source": "digits-low", "target": "digits-high",
                "source.dataset": "digits", "source.train": 30, "target.val": 20,
                "source.classes": '["0", "1", "2", "3", "4"]', "source.digest": trial.source.digest,
                "resources.threads": 1, "resources.deterministic": "true"}  # fmt: skip
    assert {name: params[name] for name in expected} == expected
    identity = config.identity()
    named = [f"{s}.{key}" for s in ("coupled", "trajectory", "pretrain", "stop")
             for key in identity[s] if key != "revised"]  # fmt: skip
    assert len(named) > 30
    assert set(named) <= params.keys()


def test_a_setting_that_changes_nothing_is_no_param(plan: SweepPlan) -> None:
    params = record_of(plan, plan.trials[0]).info.params
    assert "pretrain.patience" not in params  # early_stop is none
    assert "resources.wait_timeout_s" not in params


def test_a_name_begins_with_what_differs_among_the_trials(plan: SweepPlan) -> None:
    names = {r.info.key: r.info.name for r in trial_records(plan.folder)}
    assert names[plan.trials[0].key] == (
        "coupled.lam=1.0 digits-low->digits-high cnn8-narrow coupled seed 0"
    )
    assert len(set(names.values())) == 3


def test_a_table_of_the_trials_has_what_differs_and_what_answers(plan: SweepPlan) -> None:
    info, _ = sweep_record(plan.folder)
    assert info.param_columns == ["coupled.lam", "target"]
    assert info.metric_columns[0] == "distance"
    assert "value" not in info.metric_columns
    several = {**info.resolved, "methods": ["coupled", "emd"]}
    mixed = sweep_info(several, plan.folder)
    assert mixed.param_columns == ["coupled.lam", "method", "target"]
    assert mixed.metric_columns[-1] == "value"


def test_a_trial_ends_when_its_row_was_written_and_lasted_as_long_as_the_row_says(
    plan: SweepPlan,
) -> None:
    trial = plan.trials[0]
    record, ledger = record_of(plan, trial), Ledger(plan.folder)
    row = ledger.row(trial.key)
    assert row is not None
    assert row["wall_s"] > 0
    assert record.ended == (ledger.version(trial.key) or 0) / 1e9
    assert record.info.started == pytest.approx(record.ended - row["wall_s"], abs=1e-3)
    info, closing = sweep_record(plan.folder)
    records = list(trial_records(plan.folder))
    assert info.started == min(r.info.started or 0 for r in records)
    assert closing.ended == max(r.ended or 0 for r in records)
    assert record.info.tags == {
        "method": "coupled",
        "model": "cnn8-narrow",
        "source": "digits-low",
        "target": "digits-high",
        "pair": "digits-low->digits-high",
    }


def test_data_have_the_digest_of_their_content_and_their_role(plan: SweepPlan) -> None:
    pair, same = plan.trials[0], plan.trials[1]
    infos = {r.info.key: r.info.datasets for r in trial_records(plan.folder)}
    assert [(d.name, d.digest, d.role) for d in infos[pair.key]] == [
        ("digits-low", pair.source.digest, "source"),
        ("digits-high", pair.target.digest, "target"),
    ]
    assert [(d.name, d.role) for d in infos[same.key]] == [("digits-low", "source and target")]


def test_curves_come_from_the_tables_of_iterations_and_knots(plan: SweepPlan) -> None:
    record = next(r for r in trial_records(plan.folder) if r.status == "done")
    points = record.points()
    distances = [p.value for p in points if p.curve == "distance"]
    assert len(distances) == 2
    assert distances[-1] == record.finals["distance"]
    lengths = [p.step for p in points if p.curve == "knots.segment_length"]
    # A segment ends at each knot but the first; an iteration takes 21 steps.
    assert lengths == [*range(1, 21), *range(22, 42)]


def test_a_failed_trial_has_no_curves_and_keeps_its_log(plan: SweepPlan) -> None:
    (record,) = (r for r in trial_records(plan.folder) if r.status == "failed")
    assert record.points() == []
    assert [path.name for path in record.artifacts] == ["config.json", "log.txt", "result.json"]


def test_a_trial_whose_settings_are_damaged_is_named_and_the_others_are_sent(
    plan: SweepPlan, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "small"
    shutil.copytree(plan.folder, folder)
    first, *others = [record.info.key for record in trial_records(folder)]
    (folder / "trials" / first / "config.json").write_text("{")
    assert [record.info.key for record in trial_records(folder)] == others
    (line,) = caplog.messages
    assert f"{first}/config.json: cannot be read (" in line
    assert "The trial is not sent." in line


def test_a_sweep_is_read_back_with_what_is_missing(plan: SweepPlan) -> None:
    info, closing = sweep_record(plan.folder)
    assert (info.name, info.experiment, info.description) == ("small", "capacity", "Two seeds.")
    assert closing.status == "interrupted"
    assert closing.metrics == {"trials": 4.0, "trials_done": 2.0, "trials_failed": 1.0}
    assert len(closing.table) == 3


def test_the_resolved_sweep_runs_the_same_trials(plan: SweepPlan, tmp_path: Path) -> None:
    file = tmp_path / "sweep-resolved.yaml"
    file.write_text(json.dumps(sweep_record(plan.folder)[0].resolved))  # JSON is YAML
    assert load_sweep(file, has_gpu=lambda: False).spec == plan.spec


def test_what_a_trial_was_given_is_no_result_of_it() -> None:
    row = {"distance": 1.5, "arrived": True, "threads": 1, "seed": 3, "self_distance": None}
    assert finals(row) == {"distance": 1.5, "arrived": 1.0}


def test_each_number_is_one_metric(plan: SweepPlan) -> None:
    assert finals({"value": 1.5, "distance": 1.5}) == {"distance": 1.5}
    assert finals({"value": 0.9}) == {"value": 0.9}
    record = record_of(plan, plan.trials[0])
    ends = {p.curve: p.value for p in record.points() if not p.curve.startswith("knots.")}
    both = ends.keys() & record.finals.keys()
    assert {"distance", "noise_free_length", "target_accuracy"} <= both
    assert {name: ends[name] for name in both} == {name: record.finals[name] for name in both}


@pytest.mark.parametrize("form", ["name", "file", "folder"])
def test_a_sweep_is_found_by_name_file_or_folder(plan: SweepPlan, form: str) -> None:
    storage = plan.folder.parent
    given = {"name": "small", "file": str(storage / "small.yaml"), "folder": str(plan.folder)}
    assert sweep_folder(given[form], storage) == plan.folder


def test_a_sweep_that_is_not_there_is_answered_with_the_nearest(plan: SweepPlan) -> None:
    with pytest.raises(RequestError, match="no results of a sweep 'smal' .*did you mean 'small'?"):
        sweep_folder("smal", plan.folder.parent)

"""What the process of a trial does with what an earlier one has left."""

from pathlib import Path

import pytest
from ray import tune

from raytd.sweep.ledger import Ledger, Row
from raytd.sweep.plan import SweepPlan, write_plan
from raytd.sweep.trial_function import News, run_remotely
from tests.sweep.losses import leave_result, planned


def reported(plan: SweepPlan, monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    """What the process of the only trial reports to Tune."""
    told: list[Row] = []
    monkeypatch.setattr(tune, "report", told.append)
    (trial,) = plan.trials
    run_remotely(
        {"trial_key": trial.key},
        configs={trial.key: trial.config},
        tasks={task.name: task for task in (trial.source, trial.target)},
        folder=plan.folder,
        sources=plan.sources,
        news=News(1.0, system_metrics=False),
        stale=plan.stale,
    )
    return told


@pytest.mark.parametrize("method", ["random", "coupled"])
def test_a_result_that_was_written_but_not_reported_is_taken_and_not_computed_again(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(tmp_path, method)
    row = leave_result(plan)
    assert reported(plan, monkeypatch) == [{"row": row}]
    (trial,) = plan.trials
    assert {p.name for p in Ledger(plan.folder).trial_folder(trial.key).iterdir()} == {
        "result.json"
    }


def test_a_result_that_is_to_be_made_afresh_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = leave_result(planned(tmp_path))
    plan = planned(tmp_path, fresh=True)
    write_plan(plan, b"")
    (first,) = reported(plan, monkeypatch)
    assert first["row"]["status"] == "done"
    assert first["row"]["value"] != old["value"]
    assert reported(plan, monkeypatch) == [first]

"""What is done, missing and failed decides what is run, whatever the file said before."""

from pathlib import Path
from typing import Any

import pytest

from raytd.errors import (
    InputError,
    MemoryShortError,
    NotFiniteError,
    StorageError,
    WaitTimeoutError,
    WorkerLostError,
)
from raytd.storage.files import write_json
from raytd.sweep.file.load import make_spec
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.run.trial_function import is_transient
from raytd.sweep.trials.placement import trials_at_once
from raytd.sweep.trials.plan import SweepPlan, make_plan
from raytd.sweep.trials.trial import failed_row

CONTENT: dict[str, Any] = {
    "name": "s",
    "tasks": ["digits-low", "digits-high"],
    "data": {"train": 30, "val": 20},
    "pairs": [["digits-low", "digits-high"]],
    "methods": ["coupled"],
}


def plan(
    storage: Path, *, models: tuple[str, ...] = ("cnn8-narrow", "wrn-10-1"), **how: bool
) -> SweepPlan:
    spec = make_spec(CONTENT | {"grid": {"model": list(models), "seed": [0, 1]}}, caller="test")
    return make_plan(spec, data=storage, storage=storage, nodes=[{"CPU": 4.0}], **how)


def end(made: SweepPlan, index: int, status: str = "done", **more: Any) -> str:
    """Writes the row of a trial, as its process would."""
    trial = made.trials[index]
    row = trial.columns() | {"status": status} | more
    write_json(Ledger(made.folder).trial_folder(trial.key) / "result.json", row)
    return trial.key


def test_a_model_that_is_added_brings_only_its_own_trials(tmp_path: Path) -> None:
    one = plan(tmp_path, models=("cnn8-narrow",))
    done = {end(one, i) for i in range(2)}
    both = plan(tmp_path)
    assert set(both.done) == done
    assert [t.config.model for t in both.missing] == ["wrn-10-1", "wrn-10-1"]
    assert both.summary() == "4 trials: 2 done, 2 to run"


def test_a_model_that_is_taken_out_leaves_everything_on_disk(tmp_path: Path) -> None:
    both = plan(tmp_path)
    keys = {end(both, i) for i in range(4)}
    assert plan(tmp_path, models=("wrn-10-1",)).summary() == "2 trials: 2 done, 0 to run"
    assert {row["trial_key"] for row in Ledger(both.folder).rows()} == keys


def test_what_failed_for_a_cause_outside_is_run_again(tmp_path: Path) -> None:
    key = end(plan(tmp_path), 1, "failed", error="its process was lost 4 times", transient=True)
    again = plan(tmp_path)
    assert key in {t.key for t in again.missing}
    assert again.status(key) == "failed"
    assert again.summary() == "4 trials: 0 done, 4 to run"


def test_what_failed_for_its_own_cause_waits_to_be_asked_for(tmp_path: Path) -> None:
    key = end(plan(tmp_path), 1, "failed", error="the weights became NaN", transient=False)
    again = plan(tmp_path)
    assert [t.key for t in again.left] == [key]
    assert key not in {t.key for t in again.missing}
    assert again.summary() == (
        "4 trials: 0 done, 3 to run, 1 failed, not run again without --retry-failed"
    )
    asked = plan(tmp_path, retry=True)
    assert key in {t.key for t in asked.missing}
    assert asked.left == []


def test_fresh_forgets_what_there_is_but_not_what_comes_after(tmp_path: Path) -> None:
    for i in range(4):
        end(plan(tmp_path), i, *(["failed"] if i == 3 else []), transient=False)
    fresh = plan(tmp_path, fresh=True)
    assert fresh.summary() == "4 trials: 0 done, 4 to run"
    key = end(fresh, 2)
    assert set(fresh.refreshed().done) == {key}
    assert len(fresh.refreshed().missing) == 3


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (WorkerLostError("x"), True),
        (WaitTimeoutError("x"), True),
        (StorageError("x"), True),
        (ConnectionResetError("x"), True),
        (NotFiniteError("x"), False),
        (MemoryShortError("x"), False),
        (InputError("x"), False),
        (ZeroDivisionError("x"), False),
    ],
)
def test_lost_things_are_transient_and_arithmetic_is_not(
    error: Exception, transient: bool, tmp_path: Path
) -> None:
    assert is_transient(error) is transient
    row = failed_row(plan(tmp_path).trials[0], "x", transient=is_transient(error))
    assert row["transient"] is transient


def test_errors_of_ray_itself_are_transient_and_those_of_a_task_are_not() -> None:
    from ray.exceptions import ObjectStoreFullError, RayTaskError

    assert is_transient(ObjectStoreFullError())
    assert not is_transient(RayTaskError("f", "traceback", ValueError("x")))


@pytest.mark.parametrize(
    ("nodes", "resources", "at_once"),
    [
        ([{"CPU": 2.0}], {"cpus_per_actor": 0.5}, 1),
        ([{"CPU": 3.0}], {"cpus_per_actor": 0.5}, 2),
        ([{"CPU": 2.0}, {"CPU": 2.0}], {"cpus_per_actor": 1}, 1),
        ([{"CPU": 8.0, "GPU": 2.0}, {"CPU": 8.0, "GPU": 2.0}], {"gpus_per_actor": 1}, 2),
        ([{"CPU": 64.0, "GPU": 2.0}], {"gpus_per_actor": 0.25}, 4),
        ([{"CPU": 8.0}], {"cpus_per_actor": 1, "actors": 1}, 5),
        ([{"CPU": 1.0}], {"cpus_per_actor": 4}, 1),
    ],
)
def test_trials_side_by_side_are_those_whose_bundles_fit(
    nodes: list[dict[str, float]], resources: dict[str, Any], at_once: int, tmp_path: Path
) -> None:
    content = CONTENT | {"resources": {"gpus_per_actor": 0} | resources}
    content["coupled"] = {"blocks": 2, "tile_size": 10}
    spec = make_spec(content, caller="test")
    made = make_plan(spec, data=tmp_path, storage=tmp_path, nodes=[{"CPU": 99.0, "GPU": 99.0}])
    assert trials_at_once(made.trials[0].config, nodes) == at_once


def test_a_row_settles_a_trial_unless_it_is_to_be_run_again(tmp_path: Path) -> None:
    made = plan(tmp_path)
    done = end(made, 0)
    lost = end(made, 1, "failed", error="its process was lost", transient=True)
    wrong = end(made, 2, "failed", error="the weights became NaN", transient=False)
    missing = made.trials[3].key
    keys = (done, lost, wrong, missing)
    settled = [plan(tmp_path).settled(key) for key in keys]
    assert [row and row["trial_key"] for row in settled] == [done, None, wrong, None]
    again = [plan(tmp_path, retry=True).settled(key) for key in keys]
    assert [row and row["trial_key"] for row in again] == [done, None, None, None]

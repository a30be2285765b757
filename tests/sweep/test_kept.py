"""A folder that an older raytd has left: it is read, found finished, and gone on with.

`kept/` was written at commit 0c424b6 by `raytd sweep kept.yaml --storage left --tracking-uri none`.
Its lengths are of one processor; none of the tests computes them again.
"""

import shutil
from pathlib import Path

import pytest

from raytd.engine.executor import run_in_process
from raytd.learning import sources
from raytd.report.saved import open_sweep
from raytd.sweep.file.load import load_sweep
from raytd.sweep.trials.plan import SweepPlan, make_plan
from raytd.sweep.trials.trial import run_trial

KEPT = Path(__file__).parent / "kept"


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    return Path(shutil.copytree(KEPT / "left", tmp_path / "left"))


def plan_of(storage: Path, *overrides: str) -> SweepPlan:
    spec = load_sweep(KEPT / "kept.yaml", overrides=overrides, has_gpu=lambda: False).spec
    return make_plan(spec, data=storage, storage=storage, nodes=[{"CPU": 2.0}])


def test_every_trial_is_found_again(storage: Path) -> None:
    plan = plan_of(storage)
    assert (len(plan.done), plan.missing) == (8, [])


def test_a_wider_grid_runs_only_what_is_new(storage: Path) -> None:
    plan = plan_of(storage, "grid.seed=[0, 1, 2]")
    assert {trial.config.seed for trial in plan.missing} == {2}


def test_its_numbers_are_read_with_their_columns(storage: Path) -> None:
    saved = open_sweep("kept", storage)
    assert [row["method"] for row in saved.rows[:4]] == ["coupled", "finetune", "transfer", "leep"]
    coupled = saved.rows[0]
    assert coupled["distance"] == coupled["value"] > 0
    assert len(saved.curve(coupled, "knots")) == 2 * 21


def test_its_networks_are_found_again_and_give_its_number(
    storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def untrained(*_: object, **__: object) -> None:
        raise AssertionError("a network that is there was trained again")

    monkeypatch.setattr(sources, "pretrain", untrained)
    plan = plan_of(storage)
    (trial,) = [t for t in plan.trials if (t.config.method, t.config.seed) == ("leep", 0)]
    result, _ = run_trial(trial, launch=run_in_process, sources=storage / "sources")
    assert result.value == pytest.approx(plan.done[trial.key]["value"], rel=1e-5)

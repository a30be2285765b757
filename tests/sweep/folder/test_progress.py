"""How far a sweep is follows from its files alone, whatever is damaged among them."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from raytd.sweep.folder.progress import storage_progress, sweep_progress
from raytd.sweep.folder.sweep_lock import turn

BEGUN = 1_000_000.0


def make(
    storage: Path, names: Sequence[str], name: str = "s", begun: float = BEGUN, **more: Any
) -> Path:
    """A sweep with those trials, `t0`, `t1`, … of which none has ended."""
    folder = storage / name
    folder.mkdir(parents=True)
    trials = [{"trial_key": f"t{n}", "name": text} for n, text in enumerate(names)]
    asked = {"name": name, "tasks": [], "search": more.pop("search", None)}
    (folder / "plan.json").write_text(json.dumps({"sweep": asked, "trials": trials, **more}))
    os.utime(folder / "plan.json", (begun, begun))
    return folder


def end(folder: Path, key: str, at: float, wall_s: float | None = 1.0, **more: Any) -> None:
    """The trial has ended at that time, in seconds after the sweep had begun."""
    path = folder / "trials" / key / "result.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"status": "done", "wall_s": wall_s, **more}))
    os.utime(path, (BEGUN + at, BEGUN + at))


def test_trials_are_counted_by_their_results_and_the_sweep_has_stopped_while_some_are_missing(
    tmp_path: Path,
) -> None:
    folder = make(tmp_path, ["a x->y m seed 0"] * 4)
    end(folder, "t0", 10)
    end(folder, "t1", 20, status="failed", error="NaN\nmore", transient=False)
    end(folder, "old", 5)  # the file no longer asks for it
    found = sweep_progress(folder)
    assert (found.n_planned, found.n_done, len(found.failures), found.n_missing) == (4, 1, 1, 2)
    assert (found.condition, found.last_sign_at) == ("stopped", BEGUN + 20)
    (failure,) = found.failures
    assert (failure.key, failure.error, failure.transient) == ("t1", "NaN", False)


@pytest.mark.parametrize(("status", "condition"), [("done", "done"), ("failed", "failed")])
def test_a_sweep_whose_trials_have_all_ended_is_done_or_failed(
    tmp_path: Path, status: str, condition: str
) -> None:
    folder = make(tmp_path, ["a x->y m seed 0"] * 2)
    end(folder, "t0", 1)
    end(folder, "t1", 2, status=status)
    assert sweep_progress(folder).condition == condition


def test_a_sweep_runs_while_a_process_has_its_lock(tmp_path: Path) -> None:
    folder = make(tmp_path, ["a x->y m seed 0"])
    with turn(folder, lambda _: None):
        assert sweep_progress(folder).condition == "running"
    assert sweep_progress(folder).condition == "stopped"


def test_damaged_results_count_as_missing_and_are_named_with_the_reason(tmp_path: Path) -> None:
    folder = make(tmp_path, ["a x->y m seed 0"] * 5)
    for key, text in {"t0": '{"status": "do', "t1": "[]", "t2": "{}", "t3": "\xff"}.items():
        path = folder / "trials" / key / "result.json"
        path.parent.mkdir(parents=True)
        path.write_bytes(text.encode("latin-1"))
    (folder / "trials/t4/result.json").mkdir(parents=True)
    found = sweep_progress(folder)
    assert (found.n_missing, found.condition) == (5, "stopped")
    reasons = [line.removeprefix(f"{folder}/trials/") for line in found.damages]
    assert reasons == [
        "t0/result.json: is not whole",
        "t1/result.json: has no status of a trial",
        "t2/result.json: has no status of a trial",
        "t3/result.json: is not whole",
        "t4/result.json: is a directory",
    ]


def test_a_plan_that_cannot_be_read_leaves_the_other_sweeps_of_the_storage(tmp_path: Path) -> None:
    make(tmp_path, ["a x->y m seed 0"], "good")
    make(tmp_path, [], "bad")
    (tmp_path / "bad/plan.json").write_text('{"sweep": ')
    (tmp_path / "sources").mkdir()
    found = {each.name: each for each in storage_progress(tmp_path)}
    assert found.keys() == {"good", "bad"}
    assert (found["bad"].condition, found["good"].condition) == ("damaged", "stopped")
    assert found["bad"].damages[0].startswith(f"{tmp_path / 'bad/plan.json'}: cannot be read")


def test_what_runs_comes_first_and_then_what_was_heard_of_last(tmp_path: Path) -> None:
    for name, begun in {"old": BEGUN - 9, "new": BEGUN + 9, "busy": BEGUN - 99}.items():
        make(tmp_path, ["a x->y m seed 0"], name, begun)
    with turn(tmp_path / "busy", lambda _: None):
        assert [each.name for each in storage_progress(tmp_path)] == ["busy", "new", "old"]


def test_the_pace_is_that_of_trials_that_ended_since_the_sweep_was_begun(tmp_path: Path) -> None:
    folder = make(tmp_path, ["a x->y m seed 0"] * 4)
    end(folder, "t0", -50, wall_s=40)  # of an earlier run
    end(folder, "t1", 20, wall_s=10)  # two side by side, from 10 to 30
    end(folder, "t2", 30, wall_s=20)
    end(folder, "t3", 30, wall_s=10)
    pace = sweep_progress(folder).pace
    assert pace is not None
    assert (pace.n_ended, pace.at_once, pace.per_hour) == (3, 2.0, 540.0)


def test_the_time_left_expects_of_each_trial_what_those_of_its_kind_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["slow x->y m seed 0", "quick x->y m seed 0", "slow y->x m seed 1",
             "quick y->x m seed 1", "quick y->x big seed 1", "other y->x m seed 1"]  # fmt: skip
    folder = make(tmp_path, names)
    end(folder, "t0", 110, wall_s=100)
    end(folder, "t1", 110, wall_s=4)
    monkeypatch.setattr("raytd.sweep.folder.progress.time.time", lambda: BEGUN + 110)
    with turn(folder, lambda _: None):
        found = sweep_progress(folder)
    # 104 s of work in 100 s; left are 100 and 4 of the same kinds, 4 by the method alone, and the
    # mean of both kinds for a method that nobody has seen.
    assert found.left_s == pytest.approx((100 + 4 + 4 + 52) / 1.04)
    assert sweep_progress(folder).left_s is None  # nobody runs it


def test_trials_that_a_run_will_repeat_are_left_and_others_that_failed_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(tmp_path, ["a x->y m seed 0"] * 4)
    end(folder, "t0", 10, wall_s=10)
    end(folder, "t1", -5, wall_s=None, status="failed", transient=True)  # is run again
    end(folder, "t2", -5, wall_s=None, status="failed", transient=False)
    end(folder, "t3", 9, wall_s=None, status="failed", transient=True)  # has had its turn
    monkeypatch.setattr("raytd.sweep.folder.progress.time.time", lambda: BEGUN + 10)
    with turn(folder, lambda _: None):
        assert sweep_progress(folder).left_s == pytest.approx(10.0)


def test_a_search_counts_what_has_ended_and_what_is_to_come(tmp_path: Path) -> None:
    folder = make(tmp_path, ["a x->y m seed 0"], search={"trials": 4}, to_come=3)
    end(folder, "t0", 1)
    end(folder, "suggested", 2)
    found = sweep_progress(folder)
    assert (found.n_planned, found.n_done, found.n_missing) == (4, 2, 2)


def test_the_last_checkpoint_of_a_trial_says_how_far_it_is(tmp_path: Path) -> None:
    folder = make(tmp_path, ["a x->y m seed 0"] * 3)
    end(folder, "t1", 5)
    for key, place in (("t0", "0002-0000"), ("t0", "0001-0015"), ("t1", "0001-0000")):
        path = folder / "trials" / key / "checkpoint" / f"{place}.{'0' * 64}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (BEGUN + 7, BEGUN + 7))
    (checkpointed,) = sweep_progress(folder).checkpointed
    assert checkpointed == ("t0", 2, 0, BEGUN + 7)
    assert sweep_progress(folder).last_sign_at == BEGUN + 7

"""What the process of a trial does with what an earlier one has left, and without memory."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ray import tune

from raytd.engine.coordinator import Cut
from raytd.engine.executor import run_in_process
from raytd.engine.on_ray.pool import WATCH, ActorPool
from raytd.engine.records import Iteration, Plan
from raytd.errors import MemoryShortError
from raytd.rows.row import Row
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.folder.trial_log import TrialLog
from raytd.sweep.run.trial_function import (
    Attempt,
    is_transient,
    one_line,
    run_remotely,
    with_chunk,
)
from raytd.sweep.trials.plan import SweepPlan, write_plan
from tests.sweep.losses import leave_result, planned


def reported(plan: SweepPlan, monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    """What the process of the only trial reports to Tune after it has said when it began."""
    told: list[Row] = []
    begun_after = time.time()
    monkeypatch.setattr(tune, "report", told.append)
    (trial,) = plan.trials
    run_remotely(
        {"trial_key": trial.key},
        configs={trial.key: trial.config},
        tasks={task.name: task for task in (trial.source, trial.target)},
        folder=plan.folder,
        sources=plan.sources,
        look_every_s=1.0,
        system_metrics=False,
        stale=plan.stale,
    )
    start, *others = told
    assert start.keys() == {"began"}
    assert begun_after <= start["began"] <= time.time()
    return others


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


class Tight(ActorPool):
    """A pool without actors, whose memory suffices for chunks of so many tiles."""

    def __init__(self, most: int) -> None:
        self.most = most

    def launch(self, plan: Plan, cut: Cut, **_: Any) -> Iterator[Iteration]:
        """In this process, if the memory suffices."""
        if max(setup.resources.chunk for setup in cut(plan.tiles)) > self.most:
            raise MemoryError
        return run_in_process(plan, cut)


@pytest.fixture
def halved(tmp_path: Path) -> Callable[..., tuple[Row, list[str]]]:
    """Runs a trial that begins with a chunk and has memory for `most`; its row and its notes."""
    (trial,) = planned(tmp_path, "coupled").trials

    def run(chunk: int, *, most: int) -> tuple[Row, list[str]]:
        log = TrialLog(tmp_path / "log.txt")
        attempt = Attempt(tmp_path / "checkpoint", tmp_path / "sources", lambda _: None, log, WATCH)
        _, row = attempt.run_with_enough_memory(with_chunk(trial, chunk), Tight(most))
        return row, log.notes

    return run


def test_a_chunk_is_halved_down_to_one_and_rounded_down_on_the_way(
    halved: Callable[..., tuple[Row, list[str]]],
) -> None:
    row, notes = halved(6, most=1)
    assert (row["status"], row["chunk"]) == ("done", 1)
    assert notes == [
        "out of memory with chunk 6; begun again with 3",
        "out of memory with chunk 3; begun again with 1",
    ]


def test_a_trial_that_no_chunk_makes_small_enough_fails_for_good_and_says_what_to_do(
    halved: Callable[..., tuple[Row, list[str]]],
) -> None:
    for chunk, last, n_restarts in ((24, 3, 3), (2, 1, 1)):
        with pytest.raises(MemoryShortError) as caught:
            halved(chunk, most=0)
        assert one_line(caught.value) == (
            f"out of memory with resources.chunk = {last}, after {n_restarts} restarts with half "
            "of it; set a smaller coupled.tile_size or trajectory.batch_size, or more blocks"
        )
        assert not is_transient(caught.value)

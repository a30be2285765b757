"""What standard error shows of a sweep: plain lines, JSON lines, a drawing, or nothing."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from raytd.cli.events import FIELDS, JsonLines, Nothing, Plain, View, open_view
from raytd.cli.live import Live
from raytd.cli.progress import Progress
from raytd.sweep.forecast import forecast_of
from raytd.sweep.plan import SweepPlan, make_plan, write_plan
from raytd.sweep.spec import make_spec
from raytd.sweep.trial import failed_row

TRIAL = {"trial_key": "k", "trial": "coupled a->b cnn8 seed 0", "left_s": 61.0}
ENDED = {"n_ended": 1, "n_to_run": 2, "log": "runs/s/trials/k/log.txt"}
DONE = {**TRIAL, "status": "done", "value": 1.23456, "unit": "rad", "wall_s": 2.0,
        "error": None, **ENDED}  # fmt: skip
FAILED = {**TRIAL, "status": "failed", "value": None, "unit": "rad", "wall_s": None,
          "error": "block 0: NaN", **ENDED}  # fmt: skip


class Kept:
    """Keeps events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def show(self, event: str, fields: Any) -> None:
        self.events.append((event, dict(fields)))

    def close(self) -> None:
        """Nothing to be done."""


@pytest.fixture
def plan(tmp_path: Path) -> SweepPlan:
    spec = make_spec(
        {
            "name": "s",
            "tasks": ["digits-low", "digits-high"],
            "data": {"train": 30, "val": 20},
            "pairs": [["digits-low", "digits-high"]],
            "methods": ["coupled"],
            "grid": {"seed": [0, 1]},
            "trajectory.segments": 20,
        },
        caller="test",
    )
    made = make_plan(spec, data=tmp_path, storage=tmp_path, nodes=[{"CPU": 4.0}])
    write_plan(made, b"")
    return made


def play(plan: SweepPlan, view: View) -> None:
    """A sweep of two trials as the runner tells it; one fails."""
    progress = Progress(plan, None, view, forecast_of(plan.trials, {}, at_once=1))
    first, second = plan.trials
    progress.on_trained("cnn8-narrow on digits-low (seed 0)", "validation accuracy 0.9")
    progress.on_begin(first)
    progress.on_place(first, 0, 10)
    progress.on_place(first, 0, 10)
    progress.on_iteration(first, {"iteration": 0, "distance": 3.0, "target_accuracy": 0.5}, [])
    progress.on_end(first, first.columns() | {"status": "done", "value": 3.0, "wall_s": 2.0})
    progress.on_wait("waiting for 2 CPUs")
    progress.on_begin(second)
    progress.on_end(second, failed_row(second, "NaN", transient=False))


def test_every_event_has_the_fields_that_are_documented(plan: SweepPlan) -> None:
    kept = Kept()
    play(plan, kept)
    for event, fields in kept.events:
        assert set(fields) == set(FIELDS[event])
    assert [event for event, _ in kept.events] == [
        "trained", "begin", "segment", "iteration", "end", "wait", "begin", "end",
    ]  # fmt: skip


def test_the_readme_has_every_event_and_field() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    for event, fields in FIELDS.items():
        assert f"| `{event}` | {', '.join(f'`{f}`' for f in fields)} |" in readme


def test_json_lines_are_one_object_a_line_with_name_and_time(
    plan: SweepPlan, capsys: pytest.CaptureFixture[str]
) -> None:
    play(plan, JsonLines(clock=lambda: 12.0))
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in err.splitlines()]
    assert out == ""
    assert len(lines) == 8
    assert all(line["time"] == 12.0 for line in lines)
    assert lines[2]["segment"] == 10
    assert lines[2]["segments"] == 20
    assert lines[7]["error"] == "NaN"
    assert lines[7]["n_ended"] == 2


def test_plain_lines_are_for_what_ends_and_nothing_in_between(
    plan: SweepPlan, capsys: pytest.CaptureFixture[str]
) -> None:
    play(plan, Plain())
    assert capsys.readouterr().err.splitlines() == [
        "training cnn8-narrow on digits-low (seed 0): validation accuracy 0.9",
        "[1/2] coupled digits-low->digits-high cnn8-narrow seed 0  3.000 rad  2.0 s",
        "waiting for 2 CPUs",
        "[2/2] coupled digits-low->digits-high cnn8-narrow seed 1  failed: NaN",
    ]


def test_none_shows_errors_of_the_command_alone(
    plan: SweepPlan, capsys: pytest.CaptureFixture[str]
) -> None:
    view = Nothing()
    play(plan, view)
    view.show("error", {"message": "small.yaml:1:1 wrong"})
    assert capsys.readouterr().err == "small.yaml:1:1 wrong\n"


def test_where_standard_error_is_no_terminal_lines_are_plain() -> None:
    assert isinstance(open_view("auto"), Plain)
    assert isinstance(open_view("rich"), Live)


@pytest.fixture
def screen() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=110, color_system=None)


def picture(view: Live) -> str:
    with view.console.capture() as drawn:
        view.console.print(view.picture())
    return drawn.get()


def test_the_drawing_says_what_runs_how_far_it_is_and_what_is_left(screen: Console) -> None:
    view = Live(screen)
    counts = {"trials": 9, "done": 3, "to_run": 5, "failed": 1, "left": 1, "message": "9 trials"}
    view.show("plan", counts)
    try:
        view.show("begin", TRIAL)
        assert "starting" in picture(view)
        view.show("segment", {**TRIAL, "iteration": 1, "segment": 7, "segments": 20})
        view.show("iteration", {**TRIAL, "iteration": 1, "distance": 3.14159,
                                "target_accuracy": 0.5})  # fmt: skip
        drawn = picture(view)
        assert "1 running, 4 waiting, 3 done, 1 failed, about 61 s left, until " in drawn
        assert "coupled a->b cnn8 seed 0" in drawn
        assert "iteration 1" in drawn
        assert "segment 7/20" in drawn
        assert "3.142 rad" in drawn
        view.show("end", DONE)
        assert "0 running, 4 waiting, 4 done, 1 failed" in picture(view)
    finally:
        view.close()


def test_a_failure_is_written_at_once_as_one_line_with_the_path_of_its_log(
    screen: Console,
) -> None:
    view = Live(screen)
    view.show("end", FAILED)
    assert isinstance(screen.file, io.StringIO)
    assert screen.file.getvalue() == (
        "[1/2] coupled a->b cnn8 seed 0  failed: block 0: NaN  (runs/s/trials/k/log.txt)\n"
    )

"""What standard error shows of a sweep: plain lines, JSON lines, a drawing, or nothing."""

import io
import itertools
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from raytd.cli.interruption import Interruption
from raytd.cli.progress import Progress
from raytd.cli.views.events import JsonLines, Nothing, Plain, View, open_view
from raytd.cli.views.live import Live
from raytd.learning.places import TrainingPlace
from raytd.sweep.cost.forecast import forecast_of
from raytd.sweep.file.load import make_spec
from raytd.sweep.trials.networks import missing_networks
from raytd.sweep.trials.plan import SweepPlan, make_plan, write_plan
from raytd.sweep.trials.trial import failed_row
from tests.cli.commands import fields_by_event

TRIAL = {"trial_key": "k", "trial": "coupled a->b cnn8 seed 0", "left_s": 61.0}
ENDED = {"n_ended": 1, "n_to_run": 2, "log": "runs/s/trials/k/log.txt"}
DONE = {**TRIAL, "status": "done", "value": 1.23456, "value_error": 0.1234, "unit": "rad",
        "wall_s": 2.0, "error": None, **ENDED}  # fmt: skip
FAILED = {**TRIAL, "status": "failed", "value": None, "value_error": None, "unit": "rad",
          "wall_s": None, "error": "block 0: NaN", **ENDED}  # fmt: skip


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
    networks = missing_networks(plan.trials, plan.sources)
    forecast = forecast_of(plan.trials, {}, at_once=1, networks=networks)
    progress = Progress(plan, None, view, forecast, Interruption())
    first, second = plan.trials
    for step in (0, 1, 2, 3):
        progress.on_training(networks[0], TrainingPlace(step, 6, per_epoch=2))
    progress.on_trained(networks[0], "validation accuracy 0.9")
    progress.on_begin(first)
    progress.on_place(first, 0, 10)
    progress.on_place(first, 0, 10)
    figures = {"iteration": 0, "distance": 3.0, "distance_error": 0.25, "target_accuracy": 0.5}
    progress.on_iteration(first, figures, [])
    ended = {"status": "done", "value": 3.0, "wall_s": 2.0}
    progress.on_end(first, first.columns() | ended | {"distance": 3.0, "distance_error": 0.21})
    progress.on_wait("waiting for 2 CPUs")
    progress.on_begin(second)
    progress.on_end(second, failed_row(second, "NaN", transient=False))


def test_every_event_has_the_fields_that_are_documented(plan: SweepPlan) -> None:
    kept = Kept()
    play(plan, kept)
    told = fields_by_event()
    for event, fields in kept.events:
        assert set(fields) == told[event]
    assert [event for event, _ in kept.events] == [
        "training", "training", "trained",
        "begin", "segment", "iteration", "end", "wait", "begin", "end",
    ]  # fmt: skip


def test_json_lines_are_one_object_a_line_with_name_and_time(
    plan: SweepPlan, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = itertools.count(12.5)
    play(plan, JsonLines(clock=lambda: next(seconds)))
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in err.splitlines()]
    assert out == ""
    assert len(lines) == 10
    assert [line["time"] for line in lines] == [13.5 + n for n in range(10)]
    assert [line["elapsed_s"] for line in lines] == [1.0 + n for n in range(10)]
    assert lines[0]["network"] == "cnn8-narrow on digits-low (seed 0)"
    assert (lines[0]["number"], lines[0]["networks"]) == (1, 4)
    assert [(line["epoch"], line["epochs"]) for line in lines[:2]] == [(1, 3), (2, 3)]
    assert lines[1]["training_left_s"] is not None
    assert lines[1]["left_s"] is None
    assert lines[4]["segment"] == 10
    assert lines[4]["segments"] == 20
    assert lines[5]["distance_error"] == 0.25
    assert lines[6]["value_error"] == 0.21
    assert lines[9]["error"] == "NaN"
    assert lines[9]["n_ended"] == 2


def test_plain_lines_are_for_what_ends_and_nothing_in_between(
    plan: SweepPlan, capsys: pytest.CaptureFixture[str]
) -> None:
    play(plan, Plain())
    assert capsys.readouterr().err.splitlines() == [
        "network 1 of 4 is being trained: cnn8-narrow on digits-low (seed 0)",
        "[1/4] training cnn8-narrow on digits-low (seed 0): validation accuracy 0.9",
        "[1/2] coupled digits-low->digits-high cnn8-narrow seed 0: 3.000 ± 0.21 rad in 2.0 s",
        "waiting for 2 CPUs",
        "[2/2] coupled digits-low->digits-high cnn8-narrow seed 1: failed: NaN",
    ]


TRAINING = {"network": "cnn8 on a (seed 0)", "number": 2, "networks": 3, "epoch": 1, "epochs": 40,
            "training_left_s": 90.0, "left_s": 500.0}  # fmt: skip


def test_a_plain_line_says_how_far_things_are_twice_a_minute_at_most(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = [0.0]
    view = Plain(clock=lambda: now[0])
    for second in range(90):
        now[0] = float(second)
        view.show("training", {**TRAINING, "epoch": 1 + second // 10, "left_s": 500.0 - second})
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "network 2 of 3 is being trained: cnn8 on a (seed 0)"
    first, second = (re.sub("[0-9]{2}:[0-9]{2}", "HH:MM", line) for line in lines[1:])
    assert first == (
        "0 of 3 networks trained, 1 in training, 30 s so far, about 8 min left, until HH:MM; "
        "network 2 of 3, cnn8 on a (seed 0): epoch 4 of 40"
    )
    assert second.startswith("0 of 3 networks trained, 1 in training, 60 s so far, about 7 min")


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
                                "distance_error": 0.126, "target_accuracy": 0.5})  # fmt: skip
        drawn = picture(view)
        assert re.search(
            "1 running, 4 waiting, 3 done, 1 failed, [0-9]+ s so far, about 61 s left, until ",
            drawn,
        )
        assert "coupled a->b cnn8 seed 0" in drawn
        assert "iteration 1" in drawn
        assert "segment 7/20" in drawn
        assert "3.142 ± 0.13 rad" in drawn
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
        "[1/2] coupled a->b cnn8 seed 0: failed: block 0: NaN (runs/s/trials/k/log.txt)\n"
    )


def test_the_drawing_says_which_network_is_trained_and_its_epoch(screen: Console) -> None:
    view = Live(screen)
    assert "starting, 0 s so far" in picture(view)
    view.show("doing", {"message": "starting Ray on this machine"})
    assert "starting Ray on this machine, 0 s so far" in picture(view)
    view.show("training", TRAINING)
    drawn = picture(view)
    assert "0 of 3 networks trained, 1 in training, 0 s so far, about 8 min left" in drawn
    assert re.search(r"cnn8 on a \(seed 0\) +network 2/3 .* epoch 1/40", drawn)
    view.show("training", {**TRAINING, "left_s": None})
    assert "1 in training, 0 s so far, trained in about 90 s\n" in picture(view)
    ended = {"network": "cnn8 on a (seed 0)", "message": "validation accuracy 0.9"}
    ended = {**ended, "supplied": False}
    view.show("trained", {**ended, "n_ended": 1, "networks": 3, "left_s": None})
    assert "network 2/3" not in picture(view)


def test_what_libraries_print_stands_above_the_drawing_and_later_where_it_was_meant_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=110, color_system=None)
    stdout = io.StringIO()
    monkeypatch.setattr("sys.stdout", stdout)
    view = Live(console)
    view.open()
    kept = sys.stdout
    try:
        kept.write("half of ")
        assert isinstance(console.file, io.StringIO)
        assert "half of" not in console.file.getvalue()
        kept.write("a line\n")
        assert "half of a line\n" in console.file.getvalue()
    finally:
        view.close()
    assert sys.stdout is stdout
    kept.write("\x1b[0m")
    assert stdout.getvalue() == "\x1b[0m"

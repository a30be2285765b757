"""What a sweep tells is kept in its folder, with time and level, whatever the terminal shows."""

import io
import logging
import re
from contextlib import redirect_stderr
from pathlib import Path

from raytd.cli.views.driver_log import NAME, Logged
from raytd.cli.views.events import Nothing, Plain, View, warnings_in
from tests.cli.views.test_events import DONE, FAILED, TRIAL

PLAN = {"message": "2 trials: 0 done, 2 to run"}


def told(view: View, folder: Path) -> list[str]:
    """The lines of the log of a small sweep, without their times."""
    logged = Logged(view)
    with redirect_stderr(io.StringIO()), warnings_in(logged):
        logged.show("plan", PLAN)
        logged.keep_in(folder)
        lost = {"n_ended": 1, "networks": 1, "network": "cnn8 on a", "message": "failed: NaN"}
        logged.show("trained", {**lost, "supplied": False})
        logged.show("segment", {**TRIAL, "iteration": 0, "segment": 1, "segments": 10})
        logged.show("end", DONE)
        logging.getLogger("raytd").warning("memory is short")
        logged.show("end", FAILED)
        logged.close()
        logged.show("error", {"message": "the disk is full"})
        logged.show("finish", {"status": "failed", "done": 1, "failed": 1, "message": None})
        logged.end_log()
        logged.show("error", {"message": "of this nothing is kept"})
    lines = (folder / NAME).read_text().splitlines()
    for line in lines:
        assert re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ [A-Z]+ ", line)
    return [line.partition("Z ")[2] for line in lines]


def test_the_log_has_the_lines_that_a_terminal_shows_also_where_it_shows_none(
    tmp_path: Path,
) -> None:
    first, *lines = told(Nothing(), tmp_path)
    assert first.startswith("INFO raytd ")
    assert lines == [
        "INFO 2 trials: 0 done, 2 to run",
        "ERROR [1/1] training cnn8 on a: failed: NaN",
        "INFO [1/2] coupled a->b cnn8 seed 0: 1.235 ± 0.12 rad in 2.0 s",
        "WARNING memory is short",
        "ERROR [1/2] coupled a->b cnn8 seed 0: failed: block 0: NaN (runs/s/trials/k/log.txt)",
        "ERROR the disk is full",
        "ERROR failed: 1 done, 1 failed",
    ]


def test_a_second_run_of_a_sweep_adds_to_its_log(tmp_path: Path) -> None:
    once = told(Plain(), tmp_path)
    assert told(Plain(), tmp_path) == once * 2


def test_a_command_that_is_refused_keeps_nothing(tmp_path: Path) -> None:
    logged = Logged(Nothing())
    logged.show("plan", PLAN)
    logged.end_log()
    assert list(tmp_path.iterdir()) == []

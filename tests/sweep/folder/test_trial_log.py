"""The log of a trial is there while the trial runs."""

import logging
import os
import re
from pathlib import Path

from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.folder.trial_log import PLACE_EVERY_S, TrialLog

LINE = re.compile(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ (INFO|WARNING|ERROR) (.*)$", re.MULTILINE)


def lines(path: Path) -> list[tuple[str, str]]:
    """Level and text of each line, all of which have a time."""
    text = path.read_text()
    found: list[tuple[str, str]] = LINE.findall(text)
    assert len(found) == len(text.splitlines())
    return found


def test_each_line_is_there_as_soon_as_there_is_something_to_say(tmp_path: Path) -> None:
    log, path = Ledger(tmp_path).log("k"), tmp_path / "trials/k/log.txt"
    with log.opened("coupled a->b"):
        ((level, first),) = lines(path)
        assert (level, first.partition(": raytd ")[0]) == ("INFO", "coupled a->b")
        assert f", process {os.getpid()} on " in first
        log.add({"iteration": 0, "distance": 3.25, "gap": None})
        assert lines(path)[-1] == ("INFO", "iteration 0, distance 3.25")
        log.note("block actor 0 was lost and was made again")
        assert lines(path)[-1] == ("WARNING", "block actor 0 was lost and was made again")
        logging.getLogger("raytd").warning("waiting for %s", "a lock")
        assert lines(path)[-1] == ("WARNING", "waiting for a lock")
    logging.getLogger("raytd").warning("of another trial")
    log.end({"value": 3.25, "unit": "rad", "wall_s": 2.0}, [*log.notes, "doubtful"])
    assert lines(path)[-2:] == [("WARNING", "doubtful"), ("INFO", "done: 3.25 rad, 2.0 s")]
    assert len(lines(path)) == 6


def test_where_a_trial_is_stands_there_once_a_minute(tmp_path: Path) -> None:
    now = [0.0]
    log = TrialLog(tmp_path / "log.txt", clock=lambda: now[0])
    for second in range(0, 150, 10):
        now[0] = float(second)
        log.place((0, second))
    assert PLACE_EVERY_S == 60
    assert lines(tmp_path / "log.txt") == [
        ("INFO", "iteration 0, segment 60"),
        ("INFO", "iteration 0, segment 120"),
    ]


def test_a_trial_that_is_run_again_adds_to_its_log(tmp_path: Path) -> None:
    for _ in range(2):
        log = Ledger(tmp_path).log("k")
        with log.opened("a"):
            log.fail("Traceback\n  NotFiniteError: NaN")
    said = lines(tmp_path / "trials/k/log.txt")
    assert [level for level, _ in said] == ["INFO", "ERROR", "ERROR"] * 2

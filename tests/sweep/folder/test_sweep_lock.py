"""Two processes at one sweep: the second waits, and a dead one holds nothing up."""

import json
import multiprocessing
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from raytd.sweep.folder.sweep_lock import _who, turn

SPAWN = multiprocessing.get_context("spawn")

pytestmark = pytest.mark.slow


def hold(folder: Path, pipe: Connection) -> None:
    """Takes the turn, says so, and keeps it until it is told to stop."""
    with turn(folder, lambda _: None):
        pipe.send("held")
        pipe.recv()


def follow(folder: Path, pipe: Connection) -> None:
    """Says what it is told, then that it has the turn."""
    with turn(folder, pipe.send):
        pipe.send("mine")


@pytest.mark.parametrize("dies", [False, True])
def test_the_second_waits_for_the_first_and_says_for_whom(tmp_path: Path, dies: bool) -> None:
    ours, theirs = SPAWN.Pipe()
    first = SPAWN.Process(target=hold, args=(tmp_path / "s", theirs))
    first.start()
    assert ours.recv() == "held"
    told, telling = SPAWN.Pipe()
    second = SPAWN.Process(target=follow, args=(tmp_path / "s", telling))
    second.start()
    host = os.uname().nodename
    assert told.recv() == (
        f"another raytd sweep runs this one (process {first.pid} on {host}); "
        "what it leaves to do comes then"
    )
    assert not told.poll(0.3)
    if dies:
        first.kill()
    else:
        ours.send("stop")
    assert told.recv() == "mine"
    first.join()
    second.join()
    assert (first.exitcode == 0) is not dies
    assert not (tmp_path / "s/.owner.json").exists()


def test_those_who_come_at_the_same_moment_have_it_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raytd.sweep.folder.sweep_lock._NAME_S", 0.0)
    start, inside = threading.Barrier(3), threading.Lock()

    def take(_: int) -> int:
        start.wait()
        with turn(tmp_path / "s", lambda _: None):
            assert inside.acquire(blocking=False), "two at once"
            time.sleep(0.05)  # in which all others have come
            inside.release()
            return int(json.loads((tmp_path / "s/.owner.json").read_text())["pid"])

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(take, range(3))) == [os.getpid()] * 3


def test_who_has_just_come_is_given_time_to_write_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = tmp_path / "owner"
    monkeypatch.setattr(
        "time.sleep", lambda _: owner.write_text(json.dumps({"pid": 7, "host": "there"}))
    )
    assert _who(owner) == "process 7 on there"


def test_a_file_system_without_locks_is_said_and_does_not_stop_a_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise NotImplementedError("no flock")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    told: list[str] = []
    with turn(tmp_path / "s", told.append):
        assert told == [
            f"{tmp_path / 's'}: its file system has no locks; run one raytd sweep of it at a time"
        ]

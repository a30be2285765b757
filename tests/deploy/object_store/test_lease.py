"""Leases and locks in a store that speaks S3 are kept and lost as those of files are."""

import math
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import uuid4

import pytest

from raytd.storage import lease as leases
from raytd.storage.lease import DEAD_S, Lease
from raytd.storage.objects import ObjectPath
from raytd.storage.path import storage_path
from tests.deploy.object_store.server import Server
from tests.storage.test_lease import Day, keeps_alive_and_is_told, left, unexpected
from tests.storage.test_locks import makes_it_once

SPAWN = multiprocessing.get_context("spawn")
N_PROCESSES, N_ROUNDS = 8, 4


@pytest.fixture
def path(s3: Server) -> ObjectPath:
    found = storage_path(s3.uri(f"bucket/{uuid4()}/lease"))
    assert isinstance(found, ObjectPath)
    return found


def test_the_block_keeps_it_alive_and_is_told_when_it_was_taken(
    path: ObjectPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeps_alive_and_is_told(path, monkeypatch)


def test_what_is_there_is_not_made_again(s3: Server) -> None:
    makes_it_once(storage_path(s3.uri("bucket/key.json")))


def fight(path: ObjectPath, folder: Path, pipe: Connection) -> None:
    """Takes the lease again and again; a file that is made anew shows that nobody else has it."""
    leases._LOOK_S, leases.DEAD_S = 0.1, math.inf  # slow is not dead
    pipe.send("ready")
    pipe.recv()
    for n in range(N_ROUNDS):
        lease = Lease(path)
        lease.take(lambda _: None)
        (folder / "had").touch(exist_ok=False)
        with (folder / "log").open("a") as log:
            log.write(f"{os.getpid()} {n}\n")
        assert lease.renew()
        (folder / "had").unlink()
        lease.release()


@pytest.mark.slow
def test_of_many_processes_that_fight_for_it_one_at_most_ever_has_it(
    path: ObjectPath, tmp_path: Path
) -> None:
    pipes, fighters = [], []
    for _ in range(N_PROCESSES):
        ours, theirs = SPAWN.Pipe()
        pipes.append(ours)
        fighters.append(SPAWN.Process(target=fight, args=(path, tmp_path, theirs), daemon=True))
        fighters[-1].start()
    assert [pipe.recv() for pipe in pipes] == ["ready"] * N_PROCESSES
    for pipe in pipes:
        pipe.send("go")
    for fighter in fighters:
        fighter.join()
    assert [fighter.exitcode for fighter in fighters] == [0] * N_PROCESSES
    expected = [f"{fighter.pid} {n}" for fighter in fighters for n in range(N_ROUNDS)]
    assert sorted((tmp_path / "log").read_text().splitlines()) == sorted(expected)
    assert left(path) == []


def hold(path: ObjectPath, pipe: Connection) -> None:
    """Takes the lease, and renews it whenever it is asked for."""
    lease = Lease(path)
    lease.take(unexpected)
    pipe.send("had")
    while pipe.recv() == "renew":
        pipe.send(lease.renew())


@contextmanager
def holder(path: ObjectPath) -> Iterator[tuple[int, Connection]]:
    """A process that has the lease, and the way to ask it."""
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=hold, args=(path, theirs), daemon=True)
    process.start()
    try:
        assert ours.recv() == "had"
        assert process.pid is not None
        yield process.pid, ours
    finally:
        process.kill()
        process.join()


@pytest.mark.slow
def test_who_is_killed_loses_it_and_who_was_stopped_learns_that(path: ObjectPath) -> None:
    with holder(path) as (pid, _):
        os.kill(pid, signal.SIGKILL)
        day = Day()
        heir = Lease(path, clock=lambda: day.now, pause=day.pause)
        heir.take(lambda _: None)
        assert DEAD_S <= day.now < DEAD_S + 10
        heir.release()
    with holder(path) as (pid, pipe):
        pipe.send("renew")
        assert pipe.recv() is True
        os.kill(pid, signal.SIGSTOP)
        heir.take(lambda _: None)
        os.kill(pid, signal.SIGCONT)
        pipe.send("renew")
        assert pipe.recv() is False
        assert heir.renew()
        heir.release()
    assert left(path) == []

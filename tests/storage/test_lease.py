"""A lease has one owner, a dead owner loses it, and nobody's clock is compared with another's."""

import itertools
import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from raytd.errors import StorageError
from raytd.storage import lease as leases
from raytd.storage.lease import DEAD_S, RENEW_S, Lease, leased
from raytd.storage.objects import ObjectPath


class Day:
    """A clock that goes on only where somebody waits, and what others do meanwhile."""

    def __init__(self) -> None:
        self.now = 0.0
        self.others: list[tuple[float, Callable[[], object]]] = []

    def at(self, when: float, act: Callable[[], object]) -> None:
        self.others.append((when, act))

    def pause(self, seconds: float) -> None:
        self.now += seconds
        due = [each for each in self.others if each[0] <= self.now]
        self.others = [each for each in self.others if each[0] > self.now]
        for _, act in sorted(due, key=lambda each: each[0]):
            act()


@pytest.fixture
def day() -> Day:
    return Day()


@pytest.fixture
def path(tmp_path: Path) -> ObjectPath:
    return ObjectPath("file:///", PurePosixPath(str(tmp_path).strip("/")) / "lease")


@pytest.fixture
def make(path: ObjectPath, day: Day) -> Callable[[], Lease]:
    return lambda: Lease(path, clock=lambda: day.now, pause=day.pause)


def unexpected(_: object) -> None:
    pytest.fail("nobody else has it")


def left(path: ObjectPath) -> list[str]:
    """What lies beside the path of a lease."""
    return [each.name for each in path.parent.glob(f"{path.name}*")]


def test_a_free_lease_is_taken_at_once_and_names_its_owner(
    make: Callable[[], Lease], path: ObjectPath, day: Day
) -> None:
    lease = make()
    lease.take(unexpected)
    assert day.now == 0
    (claim,) = path.parent.glob("*.claim")
    assert json.loads(claim.read_text()) == {"pid": os.getpid(), "host": socket.gethostname()}
    lease.release()
    assert left(path) == []


def test_the_second_waits_as_long_as_the_first_lives(
    make: Callable[[], Lease], day: Day, path: ObjectPath
) -> None:
    first, second, told = make(), make(), []
    first.take(unexpected)
    beats = [day.now + RENEW_S * n for n in range(1, 40)]
    for when in beats:
        day.at(when, lambda: told.append("renewed" if first.renew() else "lost"))
    day.at(beats[-1] + 1, first.release)
    second.take(lambda claim: told.append(f"waits for {json.loads(claim.read_text())['pid']}"))
    assert told == [f"waits for {os.getpid()}"] + ["renewed"] * len(beats)
    assert beats[-1] < day.now < beats[-1] + 10
    assert second.renew()


def test_a_dead_owner_loses_it_after_a_minute_without_a_sign(
    make: Callable[[], Lease], day: Day
) -> None:
    dead, heir = make(), make()
    dead.take(unexpected)
    began = day.now
    heir.take(lambda _: None)
    assert DEAD_S <= day.now - began < DEAD_S + 10
    assert heir.renew()
    assert not dead.renew()  # it was only asleep, and sees that it is too late
    dead.release()
    assert heir.renew()


def test_whoever_waits_has_it_in_the_order_of_coming(
    make: Callable[[], Lease], path: ObjectPath, day: Day
) -> None:
    first, second, third = make(), make(), make()
    had: list[str] = []
    first.take(unexpected)
    second._queue()
    for when in range(10, 100, 5):  # both live
        day.at(when, first._show)
        day.at(when, second._show)
    day.at(100, first.release)
    day.at(101, lambda: had.append("second" if not second._before() else "nobody"))
    day.at(120, second.release)
    third.take(lambda _: None)
    had.append("third")
    assert had == ["second", "third"]
    third.release()
    assert left(path) == []


def test_who_was_taken_for_dead_while_it_waited_goes_to_the_end_of_the_queue(
    make: Callable[[], Lease], day: Day
) -> None:
    sleeper, other = make(), make()
    sleeper._queue()
    other.take(lambda _: None)
    assert not sleeper.renew()
    day.at(day.now + 3, other.release)
    waited: list[object] = []
    before = sleeper._before()
    assert len(before) == 1
    assert sleeper._claim(next(iter(before))) == other._claim(other._token)
    sleeper.take(waited.append)
    assert sleeper.renew()
    assert not other.renew()


def test_who_stops_waiting_leaves_nothing(
    make: Callable[[], Lease], path: ObjectPath, day: Day
) -> None:
    first, second = make(), make()
    first.take(unexpected)
    held = left(path)

    def interrupt() -> None:
        raise KeyboardInterrupt

    day.at(1, interrupt)
    with pytest.raises(KeyboardInterrupt):
        second.take(lambda _: None)
    assert left(path) == held


def test_a_store_that_is_away_for_a_moment_costs_nothing_and_one_that_cannot_be_written_is_said(
    make: Callable[[], Lease], path: ObjectPath, day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = make()
    lease.take(unexpected)

    def fail(*_: object) -> None:
        raise StorageError("no server answers")

    with monkeypatch.context() as patch:
        patch.setattr(ObjectPath, "write_bytes", fail)
        assert lease.renew()
        with pytest.raises(StorageError):
            Lease(path.with_name("other"), pause=day.pause).take(unexpected)
    assert lease.renew()


def test_a_ticket_that_is_removed_while_it_is_read_is_none_and_another_failure_is_said(
    make: Callable[[], Lease], monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = make()
    lease.take(unexpected)
    read = ObjectPath.read_bytes

    def choke(path: ObjectPath) -> bytes:
        if path.name.endswith(".ticket"):
            raise StorageError("cannot be read")
        return read(path)

    monkeypatch.setattr(ObjectPath, "read_bytes", choke)
    with pytest.raises(StorageError):
        lease._tickets()
    lease._ticket(lease._token).unlink()
    assert lease._tickets() == {lease._token: b""}


def test_the_block_keeps_it_alive_and_is_told_when_it_was_taken(
    path: ObjectPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeps_alive_and_is_told(path, monkeypatch)


def keeps_alive_and_is_told(path: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that holds a lease, until another takes its owner for dead."""
    monkeypatch.setattr(leases, "RENEW_S", 0.01)
    lost = threading.Event()
    with leased(path, on_wait=unexpected, on_loss=lost.set):
        (ticket,) = path.parent.glob(f"{path.name}.*.ticket")
        first = ticket.read_bytes()
        assert any(ticket.read_bytes() != first for _ in range(2000))
        assert not lost.is_set()
        heir = Lease(path, clock=itertools.count(0, DEAD_S).__next__, pause=lambda _: None)
        heir.take(lambda _: None)  # by its clock a minute goes by from look to look
        assert lost.wait(60)
    assert heir.renew()
    heir.release()
    assert left(path) == []

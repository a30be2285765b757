"""A lease has one owner, a dead owner loses it, and nobody's clock is compared with another's."""

import json
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


def unexpected() -> None:
    pytest.fail("nobody else has it")


def test_a_free_lease_is_taken_at_once_and_names_its_owner(
    make: Callable[[], Lease], path: ObjectPath, day: Day
) -> None:
    lease = make()
    lease.take(unexpected)
    assert day.now < 5
    assert {"pid", "host"} < set(json.loads(path.read_text()))
    lease.release()
    assert not path.exists()


def test_the_second_waits_as_long_as_the_first_lives(
    make: Callable[[], Lease], day: Day, path: ObjectPath
) -> None:
    first, second, told = make(), make(), []
    first.take(unexpected)
    beats = [day.now + RENEW_S * n for n in range(1, 40)]
    for when in beats:
        day.at(when, lambda: told.append("renewed" if first.renew() else "lost"))
    day.at(beats[-1] + 1, first.release)
    second.take(lambda: told.append("waits"))
    assert told == ["waits"] + ["renewed"] * len(beats)
    assert beats[-1] < day.now < beats[-1] + 10
    assert second.renew()


def test_a_dead_owner_loses_it_after_a_minute_without_a_sign(
    make: Callable[[], Lease], day: Day
) -> None:
    dead, heir = make(), make()
    dead.take(unexpected)
    began = day.now
    heir.take(lambda: None)
    assert DEAD_S <= day.now - began < DEAD_S + 10
    assert heir.renew()
    assert not dead.renew()  # it was only asleep, and sees that it is too late
    dead.release()
    assert heir.renew()


def test_of_those_who_want_a_free_lease_at_the_same_time_one_gets_it(
    make: Callable[[], Lease], day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    early, late = make(), make()
    taken = []
    day.at(day.now + 0.5, late._write)  # it had looked before, and writes a moment later
    day.at(day.now + 2.5, lambda: taken.append(late._is_ours()))
    day.at(day.now + 30, late.release)
    told: list[str] = []
    early.take(lambda: told.append("waits"))
    assert taken == [True]
    assert told == ["waits"]
    assert early.renew()
    assert not late.renew()


def test_a_store_that_is_away_for_a_moment_costs_nothing_and_one_that_cannot_be_written_is_said(
    make: Callable[[], Lease], path: ObjectPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = make()
    lease.take(unexpected)

    def fail(*_: object) -> None:
        raise StorageError("no server answers")

    with monkeypatch.context() as patch:
        patch.setattr(ObjectPath, "write_bytes", fail)
        assert lease.renew()
        with pytest.raises(StorageError):
            Lease(path.with_name("other"), pause=lambda _: None).take(unexpected)
    assert lease.renew()


def test_the_block_keeps_it_alive_and_is_told_when_it_was_taken(
    path: ObjectPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeps_alive_and_is_told(path, monkeypatch)


def keeps_alive_and_is_told(path: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that holds a lease, until another owner's name is written over it."""
    monkeypatch.setattr(leases, "RENEW_S", 0.01)
    monkeypatch.setattr(leases, "_SETTLE_S", 0.0)
    lost = threading.Event()
    with leased(path, on_wait=unexpected, on_loss=lost.set):
        first, changed = path.read_bytes(), False
        for _ in range(2000):
            if changed := path.read_bytes() != first:
                break
        assert changed
        assert not lost.is_set()
        for _ in range(2000):  # a beat that was under way may go over it
            if lost.is_set():
                break
            path.write_bytes(b'{"token": "another"}')
        assert lost.is_set()
    assert path.read_text() == '{"token": "another"}'

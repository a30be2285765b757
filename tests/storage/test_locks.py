"""One process at a time: the others wait, and a dead one's lock is free."""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from raytd.errors import StorageError, WaitTimeoutError
from raytd.storage.files import write_bytes
from raytd.storage.locks import alone, make_once
from raytd.storage.path import StoragePath, storage_path

SPAWN = multiprocessing.get_context("spawn")


def hold(path: Path, pipe: Connection) -> None:
    """Takes the lock, says so, and keeps it until it is told to stop."""
    with alone(path, what="source"):
        pipe.send("held")
        pipe.recv()


@pytest.mark.slow
def test_a_lock_is_held_until_its_owner_lets_go_or_dies(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    ours, theirs = SPAWN.Pipe()
    owner = SPAWN.Process(target=hold, args=(path, theirs))
    owner.start()
    assert ours.recv() == "held"
    with (
        pytest.raises(WaitTimeoutError, match=r"^source: another process has been at it for 0 s"),
        alone(path, what="source", timeout_s=0),
    ):
        pytest.fail("two owners at once")
    owner.kill()
    owner.join()
    with alone(path, what="source", timeout_s=30):
        assert owner.exitcode != 0


def test_a_lock_is_free_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    with pytest.raises(ZeroDivisionError), alone(path, what="source"):
        raise ZeroDivisionError
    with alone(path, what="source", timeout_s=0):
        pass


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    path = tmp_path / "file" / "key.json"
    with (
        pytest.raises(StorageError, match=r"cannot be written \(.*\); choose another --storage"),
        alone(path, what="source"),
    ):
        pytest.fail("there is nothing to lock")


def makes_it_once(path: StoragePath) -> None:
    """What is there is not made again."""
    made = []
    for content in (b"first", b"second"):
        make_once(path, lambda c=content: made.append(c) or write_bytes(path, c), what="source")
    assert made == [b"first"]
    assert path.read_bytes() == b"first"


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    makes_it_once(tmp_path / "key.json")
    makes_it_once(storage_path(f"fsspec+memory://bucket{tmp_path}/key.json"))


def test_of_two_that_want_the_same_in_an_object_store_one_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raytd.storage.lease._LOOK_S", 0.01)
    path = storage_path(f"fsspec+memory://bucket{tmp_path}/key.json")
    begun, waits = threading.Event(), threading.Event()
    monkeypatch.setattr("raytd.storage.locks._logger.warning", lambda *_: waits.set())

    def make(content: bytes) -> bytes:
        def write() -> None:
            begun.set()
            assert waits.wait(60)
            write_bytes(path, content)

        make_once(path, write, what="source")
        return path.read_bytes()

    with ThreadPoolExecutor(2) as both:
        first = both.submit(make, b"first")
        assert begun.wait(60)
        second = both.submit(make, b"second")
        assert (first.result(), second.result()) == (b"first", b"first")
    assert [p.name for p in path.parent.iterdir()] == ["key.json"]

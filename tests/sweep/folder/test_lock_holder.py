"""Who runs a sweep is seen by its lock, which is neither taken nor written."""

import json
import os
from pathlib import Path

import pytest

from raytd.storage.objects import ObjectPath
from raytd.storage.path import storage_path
from raytd.sweep.folder.lock_holder import lock_holder
from raytd.sweep.folder.sweep_lock import turn


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir()}


def test_the_one_who_has_the_turn_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    with turn(tmp_path, lambda _: None):
        before = content(tmp_path)
        holder = lock_holder(tmp_path)
        assert holder is not None
        assert holder.name == f"process {os.getpid()} on {os.uname().nodename}"
        assert holder.is_alive is True
        assert content(tmp_path) == before
    assert lock_holder(tmp_path) is None


def test_one_who_was_killed_is_remembered_as_dead_and_the_next_gets_the_turn_at_once(
    tmp_path: Path,
) -> None:
    (tmp_path / ".owner.json").write_text(json.dumps({"pid": 7, "host": "far"}))
    (tmp_path / ".sweep.yaml.lock").touch()
    holder = lock_holder(tmp_path)
    assert holder is not None
    assert (holder.name, holder.is_alive) == ("process 7 on far", False)
    told: list[str] = []
    with turn(tmp_path, told.append):
        assert told == []


def test_without_a_lock_to_look_at_nobody_can_say(tmp_path: Path) -> None:
    (tmp_path / ".owner.json").write_text("{")
    holder = lock_holder(tmp_path)
    assert holder is not None
    assert (holder.name, holder.is_alive) == ("a process without a name", None)


def test_in_a_store_the_lease_says_who_until_it_has_been_silent_for_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = storage_path(f"fsspec+memory://bucket{tmp_path}/s")
    assert isinstance(folder, ObjectPath)
    assert lock_holder(folder) is None
    times = {".claim": 900.0, ".ticket": 1000.0}
    monkeypatch.setattr(
        "raytd.sweep.folder.lock_holder.modified_at", lambda path: times.get(path.suffix)
    )
    name = f"process {os.getpid()} on {os.uname().nodename}"
    with turn(folder, lambda _: None):
        for now, is_alive in ((1059.0, True), (1061.0, False)):
            monkeypatch.setattr("raytd.sweep.folder.lock_holder.time.time", lambda now=now: now)
            assert lock_holder(folder) == (name, 900.0, 1000.0, is_alive)
        times.clear()  # a store that knows no times
        assert lock_holder(folder) == (name, None, None, None)
    assert lock_holder(folder) is None

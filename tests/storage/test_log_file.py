"""A log has time and level on each line, grows, and costs nobody his work."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from raytd.storage import log_file
from raytd.storage.log_file import LogFile
from raytd.storage.path import StoragePath, storage_path

NOON = "2026-12-03T12:00:00Z"


def noon() -> datetime:
    return datetime(2026, 12, 3, 12, tzinfo=UTC)


@pytest.fixture(params=["folder", "object store"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> StoragePath:
    store = storage_path(f"fsspec+memory://bucket/{uuid4()}")
    return (tmp_path if request.param == "folder" else store) / "runs/s/sweep.log"


def test_every_line_has_time_and_level_and_what_an_earlier_process_wrote_stays(
    path: StoragePath,
) -> None:
    for level, text in (("INFO", "first"), ("ERROR", "Traceback:\n  \x1b[1;31mValueError\x1b[0m")):
        log = LogFile(path, clock=noon)
        log.write(level, text)  # type: ignore[arg-type]
        log.close()
    assert path.read_text().splitlines() == [
        f"{NOON} INFO first",
        f"{NOON} ERROR Traceback:",
        f"{NOON} ERROR   ValueError",
    ]


def test_a_line_is_in_a_file_before_the_log_is_closed(tmp_path: Path) -> None:
    LogFile(tmp_path / "x/log.txt", clock=noon).write("INFO", "here")
    assert (tmp_path / "x/log.txt").read_text() == f"{NOON} INFO here\n"


def test_a_line_is_in_an_object_store_soon_without_another_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_file, "UPLOAD_S", 0.0)
    path = storage_path(f"fsspec+memory://bucket/{uuid4()}") / "log.txt"
    log = LogFile(path, clock=noon)
    log.write("WARNING", "here")
    assert isinstance(log._end, log_file._Object)
    timer = log._end._timer
    if timer is not None:
        timer.join()
    assert path.read_text() == f"{NOON} WARNING here\n"


def test_lines_that_cannot_be_written_are_told_of_once_and_the_others_follow(
    tmp_path: Path,
) -> None:
    told: list[str] = []
    log = LogFile(tmp_path / "x", on_loss=told.append, clock=noon)
    (tmp_path / "x").mkdir()
    log.write("INFO", "lost")
    log.write("INFO", "lost, too")
    assert told == [
        f"the log has a gap: {tmp_path / 'x'}: cannot be written (is a directory); "
        "choose another --storage"
    ]
    (tmp_path / "x").rmdir()
    log.write("INFO", "there")
    assert (tmp_path / "x").read_text() == f"{NOON} INFO there\n"


def test_a_log_does_not_bring_a_removed_folder_back(tmp_path: Path) -> None:
    told: list[str] = []
    log = LogFile(tmp_path / "s/log.txt", on_loss=told.append)
    log.write("INFO", "first")
    (tmp_path / "s/log.txt").unlink()
    (tmp_path / "s").rmdir()
    log.write("INFO", "second")
    assert list(tmp_path.iterdir()) == told == []

"""What `raytd doctor` finds, and that it leaves nothing behind."""

import sys
from importlib import metadata
from pathlib import Path

import pytest

from raytd.storage import files
from raytd.sweep.cluster import health


def test_what_is_below_its_floor_is_named_with_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = {"ray": "2.10.0", "torch": "2.14.1+cpu", "raytd": "0.1.0"}

    def version(name: str) -> str:
        if name not in there:
            raise metadata.PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr(health, "version", version)
    monkeypatch.setattr(
        health, "requires", lambda _: ["ray[tune]>=2.59", "torch>=2.10", "mlflow>=3.17.2"]
    )
    found = {each.subject: each for each in health.versions()}
    assert found["ray"].todo == "pip install 'ray>=2.59'"
    assert found["torch"].todo is None
    assert (found["mlflow"].found, found["mlflow"].todo) == (
        "not installed",
        "pip install 'mlflow>=3.17.2'",
    )


def test_the_versions_here_are_well(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {each.subject: each for each in health.versions()}
    assert set(health.PACKAGES) < set(found)
    assert [each for each in found.values() if each.todo] == []
    monkeypatch.setattr(sys, "version_info", (3, 10, 1, "final", 0))
    assert {e.subject for e in health.versions() if e.todo} == {"python"}


@pytest.mark.parametrize(
    ("setting", "well"),
    [(None, True), ("1", True), ("4", True), ("5", False), ("0", False), ("x", False)],
)
def test_threads_beyond_the_processors_are_named(setting: str | None, well: bool) -> None:
    assert (health.threads(setting, 4).todo is None) == well


def test_storage_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    finding = health.storage(tmp_path / "a/b")
    assert finding.todo is None
    assert "can be written" in finding.found
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_and_a_place_that_cannot_be_written_have_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert health.storage(tmp_path, low=2**80).todo == "Free some space."
    there = Path("/proc/nowhere")
    finding = health.storage(there)
    assert finding.found == "/proc/nowhere: cannot be written (no such file or directory)"
    assert finding.todo == "Choose another --storage."

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    assert health.storage(tmp_path).found.endswith("the disk is full")
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_is_left_alone_unless_asked_for() -> None:
    (finding,) = health.ray_findings(None, start=False)
    assert finding.todo is None
    assert finding.found.startswith("not looked at")


def test_a_cluster_that_does_not_answer_is_one_line_at_once() -> None:
    (finding,) = health.ray_findings("127.0.0.1:9", start=False)
    assert "no Ray cluster answers there (connection refused)" in finding.found
    assert finding.todo is not None


def test_data_sets_that_are_not_there_are_no_problem(tmp_path: Path) -> None:
    found = {each.subject: each for each in health.datasets(tmp_path)}
    assert found["digits"].found == "in scikit-learn"
    assert found["cifar100"].found == f"not under {tmp_path}"
    assert not any(each.todo for each in found.values())

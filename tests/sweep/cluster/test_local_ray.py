"""Where a Ray cluster of our own keeps its files and its token."""

import os
from pathlib import Path

import pytest

from raytd.errors import RequestError
from raytd.sweep.cluster import local_ray
from raytd.sweep.cluster.local_ray import folder_problem, local_settings
from tests.disks import small_disk

NAME = "session_2026-12-01_13-25-54_009048_4194304/sockets/plasma_store"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")


def long_folder(folder: Path, n_bytes: int) -> Path:
    """A folder whose path has so many bytes."""
    left = n_bytes - len(os.fsencode(folder))
    made = folder / "x" / ("y" * (left - 3)) if left > 3 else folder
    made.mkdir(parents=True)
    assert len(os.fsencode(made)) == n_bytes
    return made


def settings() -> tuple[dict[str, str], list[str]]:
    said: list[str] = []
    with local_settings(said.append) as given:
        return given, said


@pytest.mark.parametrize("name", ["TMPDIR", "RAY_TMPDIR"])
def test_a_long_folder_is_replaced_by_a_short_one_that_is_removed(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(name, str(long_folder(tmp_path, 120)))
    said: list[str] = []
    with local_settings(said.append) as given:
        folder = Path(given["_temp_dir"])
        (folder / "session").mkdir()
        assert len(os.fsencode(folder / NAME)) <= 103
    assert not folder.exists()
    assert said == [
        f"{name} is too long a path for Ray's sockets; Ray keeps its files in {folder} while it "
        "runs"
    ]


def test_every_folder_that_fits_is_left_to_ray(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert settings() == ({}, [])
    with monkeypatch.context() as patch:
        patch.setattr(local_ray, "_SOCKET_BYTES", len(os.fsencode(tmp_path / "ray" / NAME)))
        patch.setenv("TMPDIR", str(tmp_path))
        assert settings() == ({}, [])
        patch.setattr(local_ray, "_SOCKET_BYTES", len(os.fsencode(tmp_path / "ray" / NAME)) - 1)
        assert folder_problem() == "TMPDIR is too long a path for Ray's sockets"


def test_bytes_count_and_not_letters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / ("ä" * 60)
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    assert folder_problem() is not None


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_folder_that_is_none_is_named_with_the_reason(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "t"
    if kind == "file":
        path.write_text("")
    monkeypatch.setenv("TMPDIR", str(path))
    given, (said,) = settings()
    reason = {"missing": "no such file or directory", "file": "not a directory"}[kind]
    assert said.startswith(f"TMPDIR={path} cannot be written ({reason}); Ray keeps its files in ")
    assert not Path(given["_temp_dir"]).exists()
    assert kind == "file" or not path.exists()


def test_a_full_disk_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with small_disk(tmp_path, "64k") as disk:
        monkeypatch.setenv("TMPDIR", str(disk))
        assert folder_problem() == f"TMPDIR={disk} cannot be written (no space left on device)"
        assert list(disk.iterdir()) == []


def test_without_any_folder_the_remedy_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    monkeypatch.setattr(local_ray, "_SHORT", (str(tmp_path / "nor"),))
    with pytest.raises(RequestError, match=r"none of .*nor can be written; set TMPDIR"):
        settings()


def test_a_token_stays_in_the_environment_where_no_home_takes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    with local_settings(pytest.fail):
        assert len(os.environ["RAY_AUTH_TOKEN"]) > 30
    assert "RAY_AUTH_TOKEN" not in os.environ
    monkeypatch.setenv("HOME", str(tmp_path))
    with local_settings(pytest.fail):
        assert "RAY_AUTH_TOKEN" not in os.environ
    assert not (tmp_path / ".ray").exists()

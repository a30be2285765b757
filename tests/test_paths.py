import os
import pwd
import tempfile
from pathlib import Path

import pytest

from raytd.errors import DataError, PathError, RequestError, StorageError
from raytd.paths import cache_folder, expanded, home_problem, make_temporary_folder

NOBODY = "~no-such-user/pets"


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user: no HOME, and an id that is not in the list of users."""

    def unknown(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in ("HOME", "XDG_CACHE_HOME", "RAYTD_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_a_home_folder_is_put_in_for_its_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/pets") == tmp_path / "pets"
    assert expanded(Path("~")) == tmp_path
    assert expanded("pets/~x") == Path("pets/~x")
    assert home_problem() is None


def test_a_folder_that_is_called_like_a_home_can_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    once = expanded("./~pets")
    assert once == tmp_path / "~pets"
    assert expanded(once) == once


def test_the_home_of_an_unknown_user_is_one_line() -> None:
    with pytest.raises(PathError, match=r"^~no-such-user/pets: .* user 'no-such-user'") as caught:
        expanded(NOBODY)
    assert isinstance(caught.value, RequestError)
    assert isinstance(caught.value, DataError)
    assert caught.value.exit_code == 2


@pytest.mark.usefixtures("no_home")
def test_a_user_without_a_home_is_told_to_set_one(monkeypatch: pytest.MonkeyPatch) -> None:
    told = f"HOME is not set, and user id {os.getuid()} has no entry.*; set HOME"
    with pytest.raises(PathError, match=f"^no home folder .*{told}"):
        cache_folder()
    with pytest.raises(PathError, match=f"^~/pets: no home folder .*{told}.*in full"):
        expanded("~/pets")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_folder() == Path("/caches/raytd")


def test_no_temporary_folder_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = make_temporary_folder("raytd-")
    assert made.is_dir()
    made.rmdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(StorageError, match=r"^no temporary folder .*no such file.*; set TMPDIR"):
        make_temporary_folder("raytd-")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("a\0b", "the path has a NUL character"),
        (f"a/{'é' * 128}/b", "a name in the path is longer than 255 bytes"),
    ],
)
def test_a_path_that_no_file_can_have_is_refused(path: str, said: str) -> None:
    with pytest.raises(PathError, match=said):
        expanded(path)
    assert expanded("x" * 255) == Path("x" * 255)

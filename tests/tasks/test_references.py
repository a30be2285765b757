from pathlib import Path

import pytest

from raytd.errors import DataError
from raytd.tasks.references import data_root, find, identity_of, is_reference, names, read_content
from raytd.tasks.vocabulary import CLASS_NAMES
from tests.cases import for_each
from tests.tasks.formats import made, write_cifar, write_folder, write_hub

CONTENT = made(("ant", "bee"), (4, 4, 1))


def test_the_root_is_the_path_then_the_variable_then_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("RAYTD_DATA", raising=False)
    assert data_root() == tmp_path / "home" / ".cache" / "raytd"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert data_root() == tmp_path / "cache" / "raytd"
    monkeypatch.setenv("RAYTD_DATA", str(tmp_path / "data"))
    assert data_root() == tmp_path / "data"
    assert data_root(tmp_path / "chosen") == tmp_path / "chosen"
    assert data_root("~/mine") == tmp_path / "home" / "mine"


def test_a_relative_root_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert data_root("images") == tmp_path / "images"


def test_the_classes_of_every_data_set_with_a_name_are_known() -> None:
    assert set(CLASS_NAMES) == {name for name in names() if ":" not in name}


@for_each("text", ["mnist", "cifar", "parquet", "parquet:", "zip:a", ":a", ""])
def test_what_is_no_reference_is_told_with_what_there_is(text: str, tmp_path: Path) -> None:
    assert not is_reference(text)
    with pytest.raises(DataError, match="is unknown; there are digits, .*parquet:PATH, folder:"):
        read_content(text, tmp_path)


@for_each(
    ("reference", "identity"),
    [
        ("cifar10", "cifar10"),
        ("folder:birds", "birds"),
        ("folder:/data/birds/", "birds"),
        ("parquet:/data/v1.2", "v1.2"),
        ("parquet:sets/birds.parquet", "birds"),
        ("npz:~/birds.npz", "birds"),
    ],
)
def test_classes_belong_to_the_last_part_of_the_path_wherever_it_lies(
    reference: str, identity: str
) -> None:
    assert identity_of(reference) == identity


@for_each("path", ["sets/birds", "~/sets/birds", "{root}/sets/birds"])
def test_paths_are_below_the_root_or_below_home_or_absolute(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write_folder(tmp_path / "sets" / "birds", CONTENT, [""])
    found = find("folder:" + path.format(root=tmp_path), tmp_path)
    assert found is not None
    assert found.path == tmp_path / "sets" / "birds"


def test_paths_with_a_dot_are_below_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work" / "birds").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    for path in ("./birds", "../work/birds", "."):
        found = find(f"folder:{path}", tmp_path / "root")
        assert found is not None
        assert found.path in (tmp_path / "work" / "birds", tmp_path / "work")
    with pytest.raises(DataError, match=r"from the working directory write folder:\./birds"):
        read_content("folder:birds", tmp_path / "root")


def test_torchvisions_folder_is_read_rather_than_parquet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = made(CLASS_NAMES["cifar10"], (32, 32, 3), per_class=5)
    write_hub(tmp_path / "cifar10", content, train=["train-0.parquet"], val="test-0.parquet")
    assert find("cifar10", tmp_path) is not None
    folder = write_cifar("cifar10", tmp_path, content, monkeypatch)
    found = find("cifar10", tmp_path)
    assert found is not None
    assert found.path == folder

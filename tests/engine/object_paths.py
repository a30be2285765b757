"""What a path in an object store promises, whatever the store is."""

import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raytd.storage.files import remove_folder, write_bytes
from raytd.storage.path import storage_path

PATTERNS = ("*", "*.*", ".*", "*/plan.json", "a/*", "a/*/plan.json", "*/*", "*.json", "a")


def below(root: Any, paths: Any) -> list[str]:
    """Paths from a root on, in the order that they have."""
    return [str(path)[len(str(root)) :] if isinstance(path, Path) else
            "/" + str(path.key.relative_to(root.key)) for path in sorted(paths)]  # fmt: skip


def answers(path: Any) -> tuple[Any, ...]:
    """All that can be asked of a path."""
    facts = (path.name, path.stem, path.suffix, path.exists(), path.is_file(), path.is_dir())
    names = (path.parent.name, (path / "x/y").name, path.with_suffix(".z").name)
    return (*facts, *names, path.with_name("n").name, path.read_bytes() if facts[4] else None)


def compare_with_pathlib(
    root: Any, files: dict[str, bytes], asked: list[str], patterns: tuple[str, ...] = PATTERNS
) -> None:
    """Writes these files below an empty place and in a folder, and asks both the same."""
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "root"
        local.mkdir()
        for name, content in files.items():
            write_bytes(root / name, content)
            write_bytes(local / name, content)
        for name in [*files, *asked]:
            assert answers(root / name) == answers(local / name)
        for pattern in patterns:
            assert below(root, root.glob(pattern)) == below(local, local.glob(pattern)), pattern
        assert below(root, root.iterdir()) == below(local, local.iterdir())
        for name in files:
            (root / name).unlink()
            assert not (root / name).exists()


class ObjectPaths:
    """Needs a fixture `anywhere`: each call of it is an empty place, another one each time."""

    def test_files_in_folders_are_found_as_pathlib_finds_them(
        self, anywhere: Callable[[], Any]
    ) -> None:
        names = ("a/plan.json", "b c/plan.json", "b c/.h", "b c/b/x%y", "a.json", ".h", "a/b/a")
        files = {name: name.encode() for name in names}
        # Below an object S3 has nothing, and pyarrow's store in memory refuses to look.
        patterns = tuple(pattern for pattern in PATTERNS if pattern != "*/*")
        compare_with_pathlib(anywhere() / "root", files, ["a", "b c", "none"], patterns)

    def test_what_is_not_there_is_a_missing_file(self, anywhere: Callable[[], Any]) -> None:
        path = anywhere() / "none"
        for ask in (path.read_bytes, path.read_text, path.stat, path.unlink):
            with pytest.raises(FileNotFoundError):
                ask()
        path.unlink(missing_ok=True)
        remove_folder(path)
        assert list(path.iterdir()) == []

    def test_an_object_is_replaced_and_removed(self, anywhere: Callable[[], Any]) -> None:
        folder = anywhere()
        for content in ("one", "zwei"):
            write_bytes(folder / "file", content.encode())
            assert (folder / "file").read_text() == content
        remove_folder(folder)
        assert not folder.exists()

    def test_a_path_is_opened_again_where_it_is_unpickled(
        self, anywhere: Callable[[], Any]
    ) -> None:
        path = anywhere() / "file"
        write_bytes(path, b"here")
        copy = pickle.loads(pickle.dumps(path))
        assert copy == path
        assert hash(copy) == hash(path)
        assert copy.read_bytes() == b"here"

    def test_what_is_printed_can_be_given_again(self, anywhere: Callable[[], Any]) -> None:
        path = anywhere() / "a b/c"
        assert "/a%20b/c" in str(path)
        assert storage_path(str(path)) == path

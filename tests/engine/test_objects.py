"""Paths in an object store do what those of a folder do, and keep secrets and failures short."""

import pickle
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytd.engine.files import remove_folder, write_bytes
from raytd.engine.objects import ObjectPath
from raytd.engine.storage import require_storage, storage_path
from raytd.errors import RequestError, StorageError
from tests.object_store import Server

NAMES = st.sampled_from(["a", "b", "plan.json", "a.json", ".h", "b c", "x%y"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
PATTERNS = ("*", "*.*", ".*", "*/plan.json", "a/*", "a/*/plan.json", "*/*", "*.json", "a")


def is_tree(files: dict[str, bytes]) -> bool:
    """Whether no file is a folder of others, too."""
    return not any(one != two and two.startswith(f"{one}/") for one in files for two in files)


TREES = st.dictionaries(PATHS, st.binary(max_size=9), max_size=6).filter(is_tree)


@pytest.fixture(scope="module")
def anywhere(s3: Server) -> Callable[[], Any]:
    """An empty place, on each call another one."""
    return lambda: storage_path(s3.uri(f"bucket/{uuid4()}"))


def below(root: Any, paths: Any) -> list[str]:
    """Paths from a root on, in the order that they have."""
    return [str(path)[len(str(root)) :] if isinstance(path, Path) else
            "/" + str(path.key.relative_to(root.key)) for path in sorted(paths)]  # fmt: skip


def answers(path: Any) -> tuple[Any, ...]:
    """All that can be asked of a path."""
    facts = (path.name, path.stem, path.suffix, path.exists(), path.is_file(), path.is_dir())
    names = (path.parent.name, (path / "x/y").name, path.with_suffix(".z").name)
    return (*facts, *names, path.with_name("n").name, path.read_bytes() if facts[4] else None)


@settings(max_examples=25, deadline=None)
@given(files=TREES, asked=st.lists(PATHS, max_size=3))
def test_every_question_has_the_answer_of_pathlib(
    anywhere: Callable[[], Any], files: dict[str, bytes], asked: list[str]
) -> None:
    root = anywhere() / "root"
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "root"
        local.mkdir()
        for name, content in files.items():
            write_bytes(root / name, content)
            write_bytes(local / name, content)
        for name in [*files, *asked]:
            assert answers(root / name) == answers(local / name)
        for pattern in PATTERNS:
            assert below(root, root.glob(pattern)) == below(local, local.glob(pattern)), pattern
        assert below(root, root.iterdir()) == below(local, local.iterdir())
        for name in files:
            (root / name).unlink()
            assert not (root / name).exists()


def test_what_is_not_there_is_a_missing_file(anywhere: Callable[[], Any]) -> None:
    path = anywhere() / "none"
    for ask in (path.read_bytes, path.read_text, path.stat, path.unlink):
        with pytest.raises(FileNotFoundError):
            ask()
    path.unlink(missing_ok=True)
    remove_folder(path)
    assert list(path.iterdir()) == []


def test_an_object_is_replaced_removed_and_says_when_it_was_written(
    anywhere: Callable[[], Any],
) -> None:
    folder = anywhere()
    write_bytes(folder / "file", b"one")
    before = (folder / "file").stat().st_mtime_ns
    write_bytes(folder / "file", b"zwei")
    assert (folder / "file").read_text() == "zwei"
    assert (folder / "file").stat().st_mtime_ns >= before > 1.6e18
    remove_folder(folder)
    assert not folder.exists()


def test_a_path_is_opened_again_where_it_is_unpickled(s3: Server) -> None:
    path = storage_path(s3.uri("bucket/pickled/file"))
    write_bytes(path, b"here")
    copy = pickle.loads(pickle.dumps(path))
    assert copy == path
    assert hash(copy) == hash(path)
    assert copy.read_bytes() == b"here"


def test_what_is_printed_can_be_given_again(s3: Server) -> None:
    path = storage_path(s3.uri("bucket/a b/c"))
    assert str(path).startswith("s3://bucket/a%20b/c?")
    assert storage_path(str(path)) == path
    bucket = storage_path(s3.uri("bucket"))
    assert storage_path(str(bucket)) == bucket
    assert str(storage_path("gs://bucket")) == "gs://bucket/"


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/runs?endpoint_override=http://AKIA1:5ecret@127.0.0.1:9",
        "s3://AKIA1:5ecret@bucket/runs",
        "s3://AKIA1:5ecret@bucket/runs?region=eu-west-1&unheard=5ecret",
        "abfs://container:5ecret@account.dfs.core.windows.net/runs?client_secret=5ecret",
        "nonsense://u:5ecret@bucket/runs",
        "s3://AKIA1:5ec%2Fret@bucket/runs?endpoint_override=127.0.0.1:9&scheme=http",
    ],
)
def test_a_secret_is_never_printed(uri: str) -> None:
    path = storage_path(uri)
    assert isinstance(path, ObjectPath)
    assert path.has_secret
    assert "5ec" not in f"{path} {path!r} {path / 'x'}"
    assert urlsplit(str(path)).path == "/runs"


@pytest.mark.parametrize("store", ["nonsense://u:5ecret@b", "s3://A:5ecret@b/x?unheard=of"])
def test_a_secret_is_not_in_what_is_said_of_a_uri_that_cannot_be_used(store: str) -> None:
    with pytest.raises(RequestError) as raised:
        require_storage(storage_path(store))
    assert "5ecret" not in "".join(traceback.format_exception(raised.value))


def test_a_uri_without_a_secret_has_none(s3: Server) -> None:
    for uri in (s3.uri("bucket"), "gs://bucket/x", "abfs://container@account.dfs.core/x"):
        path = storage_path(uri)
        assert isinstance(path, ObjectPath)
        assert not path.has_secret


@pytest.mark.parametrize("uri", ["s3://AK:5e/cret@bucket/x", "s3://AK:5e?cret@bucket/x"])
def test_a_secret_that_is_not_encoded_is_refused_and_not_printed(uri: str) -> None:
    with pytest.raises(RequestError, match="%2F for /") as raised:
        storage_path(uri)
    assert "5e" not in str(raised.value)


def test_folders_stay_folders() -> None:
    assert storage_path("runs") == Path("runs")
    assert storage_path("/a/b:/c") == Path("/a/b:/c")
    assert storage_path("file:///a/b%20c") == Path("/a/b c")
    require_storage(Path("/proc/nowhere"))


@pytest.mark.parametrize("given", ["s3:///runs", "s3:/bucket", Path("s3://bucket/runs")])
def test_a_uri_without_a_bucket_is_one_line(given: str | Path) -> None:
    with pytest.raises(RequestError, match=r"^--storage s3: name a bucket, as s3://bucket/runs$"):
        storage_path(given)


def refusal(uri: str) -> str:
    with pytest.raises(RequestError) as raised:
        require_storage(storage_path(uri))
    assert len(str(raised.value).splitlines()) == 1
    return str(raised.value)


def test_what_cannot_be_used_is_one_line_with_a_way_out(s3: Server) -> None:
    require_storage(storage_path(s3.uri("bucket")))
    require_storage(storage_path(s3.uri("bucket/not/yet")))
    assert "there is no such bucket" in refusal(s3.uri("nobucket/runs"))
    assert "unknown option regoin; correct the URI" in refusal("s3://b/x?regoin=x").replace(")", "")
    assert "pyarrow knows no such store" in refusal("ftp://host/x")
    nowhere = "s3://bucket/runs?endpoint_override=127.0.0.1:9&scheme=http&region=us-east-1"
    assert refusal(nowhere).endswith("(no server answers); correct endpoint_override or region of "
                                     "the URI")  # fmt: skip


def test_keys_that_the_server_does_not_know_are_one_line(s3: Server) -> None:
    with s3.only_known_keys():
        wrong = s3.uri("bucket/runs").replace("s3://", "s3://AKIAWRONG:5ecret@")
        text = refusal(wrong)
    assert "access denied); look at the credentials here" in text
    assert "5ecret" not in text


def test_a_bucket_that_goes_away_is_a_storage_error(s3: Server) -> None:
    path = storage_path(s3.uri("nobucket/file"))
    with pytest.raises(StorageError, match="written.*there is no such bucket"):
        write_bytes(path, b"x")

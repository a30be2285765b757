"""Paths in an object store do what those of a folder do, and keep secrets and failures short."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from raytd.errors import RequestError
from raytd.storage.objects import ObjectPath
from raytd.storage.path import require_storage, storage_path
from tests.engine.object_paths import ObjectPaths


@pytest.fixture(scope="module")
def anywhere() -> Callable[[], Any]:
    return lambda: storage_path(f"fsspec+memory://bucket/{uuid4()}")


class TestInMemory(ObjectPaths):
    """pyarrow's way to a store in this process; tests/deploy has a server that speaks S3."""


SERVER = "?endpoint_override=http://127.0.0.1:9&region=us-east-1"


def test_a_bucket_is_printed_so_that_it_can_be_given_again() -> None:
    for uri in (f"s3://bucket{SERVER}", f"s3://bucket/a b/c{SERVER}"):
        path = storage_path(uri)
        assert storage_path(str(path)) == path
    assert str(path).startswith("s3://bucket/a%20b/c?")
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


def test_a_uri_without_a_secret_has_none() -> None:
    for uri in (f"s3://bucket{SERVER}", "gs://bucket/x", "abfs://container@account.dfs.core/x"):
        path = storage_path(uri)
        assert isinstance(path, ObjectPath)
        assert not path.has_secret


def test_a_secret_in_half_a_uri_is_not_printed() -> None:
    with pytest.raises(RequestError, match="^--storage s3:…: write s3:// for a URI") as raised:
        storage_path("s3:AK:5ecret@bucket/x")
    assert "5ecret" not in str(raised.value)


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


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "--storage is empty: name a folder, or a URI such as s3://bucket/runs"),
        ("gs:", "--storage gs:: write gs:// for a URI, or ./gs: for a folder of that name"),
        ("s3:runs", "--storage s3:runs: write s3:// for a URI, or ./s3:runs for a folder of that "
                    "name"),
        (r"c:\runs", r"--storage c:\runs: write c:// for a URI, or ./c:\runs for a folder of "
                     "that name"),
        ("file://tmp/x", "--storage file://tmp/x: a folder's URI has three slashes, as "
                         "file:///tmp/x"),
    ],
)  # fmt: skip
def test_what_could_be_a_uri_or_a_folder_is_refused(given: str, said: str) -> None:
    with pytest.raises(RequestError) as raised:
        storage_path(given)
    assert str(raised.value) == said


def test_a_file_where_a_folder_has_to_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for below in ("", "runs", "runs/deep"):
        with pytest.raises(RequestError) as raised:
            require_storage(tmp_path / "file" / below)
        assert str(raised.value) == f"{tmp_path}/file: is not a folder; choose another --storage"
    require_storage(Path("./s3:runs"))
    assert storage_path("./s3:runs") == Path("s3:runs")


def refusal(uri: str) -> str:
    """The one line with which a store is refused."""
    with pytest.raises(RequestError) as raised:
        require_storage(storage_path(uri))
    assert len(str(raised.value).splitlines()) == 1
    return str(raised.value)


def test_what_cannot_be_used_is_one_line_with_a_way_out() -> None:
    assert "unknown option regoin; correct the URI" in refusal("s3://b/x?regoin=x").replace(")", "")
    for alone in ("ftp://host/x", "mock://x"):
        assert "pyarrow knows no such store" in refusal(alone)
    nowhere = "s3://bucket/runs?endpoint_override=127.0.0.1:9&scheme=http&region=us-east-1"
    assert refusal(nowhere).endswith("(no server answers); correct endpoint_override or region of "
                                     "the URI")  # fmt: skip

"""Paths in a store that speaks S3: what every store promises, and what only a server shows."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytd.errors import StorageError
from raytd.storage.files import write_bytes
from raytd.storage.path import require_storage, storage_path
from tests.deploy.object_store.server import Server
from tests.engine.object_paths import ObjectPaths, compare_with_pathlib
from tests.storage.test_objects import refusal

NAMES = st.sampled_from(["a", "b", "plan.json", "a.json", ".h", "b c", "x%y"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


def is_tree(files: dict[str, bytes]) -> bool:
    """Whether no file is a folder of others, too."""
    return not any(one != two and two.startswith(f"{one}/") for one in files for two in files)


TREES = st.dictionaries(PATHS, st.binary(max_size=9), max_size=6).filter(is_tree)


@pytest.fixture(scope="module")
def anywhere(s3: Server) -> Callable[[], Any]:
    return lambda: storage_path(s3.uri(f"bucket/{uuid4()}"))


class TestOnAServer(ObjectPaths):
    """What `ObjectPaths` promises, over HTTP."""


@settings(max_examples=25, deadline=None)
@given(files=TREES, asked=st.lists(PATHS, max_size=3))
def test_every_question_has_the_answer_of_pathlib(
    anywhere: Callable[[], Any], files: dict[str, bytes], asked: list[str]
) -> None:
    compare_with_pathlib(anywhere() / "root", files, asked)


def test_an_object_says_when_it_was_written(s3: Server) -> None:
    path = storage_path(s3.uri("bucket/clock"))
    write_bytes(path, b"one")
    before = path.stat().st_mtime_ns
    write_bytes(path, b"two")
    assert path.stat().st_mtime_ns >= before > 1.6e18


def test_a_bucket_that_is_there_can_be_used_and_another_is_one_line(s3: Server) -> None:
    require_storage(storage_path(s3.uri("bucket")))
    require_storage(storage_path(s3.uri("bucket/not/yet")))
    assert "there is no such bucket" in refusal(s3.uri("nobucket/runs"))


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

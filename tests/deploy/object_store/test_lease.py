"""Leases and locks in a store that speaks S3 are kept and lost as those of files are."""

import pytest

from raytd.storage.objects import ObjectPath
from raytd.storage.path import storage_path
from tests.deploy.object_store.server import Server
from tests.storage.test_lease import keeps_alive_and_is_told
from tests.storage.test_locks import makes_it_once


def test_the_block_keeps_it_alive_and_is_told_when_it_was_taken(
    s3: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = storage_path(s3.uri("bucket/lease"))
    assert isinstance(path, ObjectPath)
    keeps_alive_and_is_told(path, monkeypatch)


def test_what_is_there_is_not_made_again(s3: Server) -> None:
    makes_it_once(storage_path(s3.uri("bucket/key.json")))

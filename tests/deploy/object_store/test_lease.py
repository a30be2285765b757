"""A lease in a store that speaks S3 is kept and lost as one of a file is."""

import pytest

from raytd.engine.objects import ObjectPath
from raytd.engine.storage import storage_path
from tests.deploy.object_store.server import Server
from tests.engine.test_lease import keeps_alive_and_is_told


def test_the_block_keeps_it_alive_and_is_told_when_it_was_taken(
    s3: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = storage_path(s3.uri("bucket/lease"))
    assert isinstance(path, ObjectPath)
    keeps_alive_and_is_told(path, monkeypatch)

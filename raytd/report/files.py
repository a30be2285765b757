"""Files that are either the old or the new one, never a part of either."""

import os
from contextlib import suppress
from pathlib import Path

from raytd.errors import StorageError


def write_whole(path: Path, content: bytes) -> Path:
    """Writes beside the path and moves into place.

    Raises:
        StorageError: the folder cannot be written, or is full.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise StorageError(f"{path}: cannot be written ({error.strerror})") from error
    return path

"""Files that are either whole or not there: written beside, then moved into place.

An object store does that by itself.
"""

import errno
import json
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from raytd.errors import StorageError
from raytd.storage.objects import ObjectPath
from raytd.storage.path import StoragePath


def write_bytes(path: StoragePath, content: bytes) -> None:
    """Writes a file whole, making its folder.

    Raises:
        StorageError: in one line, if the disk is full or the place cannot be written.
    """
    if isinstance(path, ObjectPath):
        path.write_bytes(content)
    else:
        _write_beside(path, content)


def remove_folder(folder: StoragePath) -> None:
    """Removes a folder with everything in it, as far as that is possible."""
    if isinstance(folder, ObjectPath):
        with suppress(StorageError):
            folder.remove_all()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _write_beside(path: Path, content: bytes) -> None:
    beside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            beside = file.name
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, 0o666 & ~_umask())
        os.replace(beside, path)
        beside = None
    except OSError as error:
        raise storage_error(path, error) from error
    finally:
        if beside is not None:
            with suppress(OSError):
                os.unlink(beside)


def write_json(path: StoragePath, content: Any) -> None:
    """Writes JSON, keys in the order given; NaN is refused.

    Raises:
        StorageError: as `write_bytes`.
    """
    text = json.dumps(content, indent=2, allow_nan=False)
    write_bytes(path, text.encode() + b"\n")


def modified_at(path: StoragePath) -> float | None:
    """When a file was written, in seconds since 1970; None where it, or its time, is not there.

    Raises:
        StorageError: if an object store cannot be asked.
    """
    try:
        time_ns: int | None = path.stat().st_mtime_ns  # which not every store knows
    except OSError:
        return None
    return None if time_ns is None else time_ns / 1e9


def storage_error(path: Path, error: OSError) -> StorageError:
    """The one line for a path that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(f"{path}: the disk is full; free some space and run the command again")
    reason = (error.strerror or str(error)).lower()
    return StorageError(f"{path}: cannot be written ({reason}); choose another --storage")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

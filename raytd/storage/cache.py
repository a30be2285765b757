"""What is computed once for all who need the same: its address, who computes it, and its file."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from safetensors import SafetensorError

from raytd.errors import StorageError, os_reason
from raytd.storage.damage import name_damage
from raytd.storage.locks import make_once
from raytd.storage.path import StoragePath

Kept = TypeVar("Kept")

_DAMAGE = (FileNotFoundError, SafetensorError, ValueError, KeyError, TypeError, RecursionError)
"""What readers raise where a file does not hold what was written."""


def address(identity: Mapping[str, object]) -> str:
    """Content address: 16 hex digits of the digest of all that decides a result, as JSON."""
    content = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Kind(Generic[Kept]):
    """Results of one kind, each in a file that is named after its address.

    Attributes:
        file: its name, with `{}` for the address.
        write: writes a result into such a file, as a whole.
        read: reads it back to the bit.
    """

    file: str
    write: Callable[[StoragePath, Kept], None]
    read: Callable[[StoragePath], Kept]

    def path(self, folder: StoragePath, key: str) -> StoragePath:
        """Where a result lies, or will."""
        return folder / self.file.format(key)

    def get(
        self, folder: StoragePath | None, key: str, make: Callable[[], Kept], *, what: str
    ) -> Kept:
        """The result, read from the folder or made now and kept there.

        Of several processes that want the same at once, one makes it and the others wait. One that
        is damaged is named and made again.

        Args:
            folder: of all results that are kept; None keeps nothing.
            key: its address.
            make: makes it.
            what: it is, in words.

        Raises:
            StorageError: if the folder cannot be written, or a file in it not be opened.
            WaitTimeoutError: if another process is at it for too long.
        """
        if folder is None:
            return make()
        path, held = self.path(folder, key), list[Kept]()
        make_once(
            path,
            lambda: self.write(path, make()),
            what=what,
            is_there=lambda: self._read_into(held, path),
        )
        if not held and not self._read_into(held, path):
            raise StorageError(f"{path}: cannot be read though it was just written; try it again")
        return held[0]

    def _read_into(self, held: list[Kept], path: StoragePath) -> bool:
        """Reads a result that is there; a damaged one is named, and counts as missing."""
        if not path.exists():
            return False
        try:
            held.append(self.read(path))
        except _DAMAGE as error:
            name_damage(path, error, then="It counts as missing, and is made again.")
        except OSError as error:
            raise StorageError(f"{path}: cannot be read ({os_reason(error)})") from error
        return bool(held)

"""Whether the folder of a sweep is still there while the sweep runs."""

import time
from collections.abc import Callable
from contextlib import suppress

from raytd.errors import StorageError
from raytd.storage.files import remove_folder
from raytd.storage.path import StoragePath

_MARKS = ("plan.json", "sweep.yaml", "results.parquet")
"""What a folder that is a sweep has at least one of."""

_LOOK_EVERY_S = 1.0


class FolderGoneError(StorageError):
    """The folder of a sweep was removed or moved while the sweep ran, or its disk was."""


def require_folder(folder: StoragePath) -> None:
    """Looks whether the plan of a running sweep is where it was written.

    Raises:
        FolderGoneError: in one line, if it is not.
    """
    what = "was removed or moved"
    try:
        if (folder / "plan.json").exists():
            return
    except OSError as error:  # such as a disk that is gone
        what = f"cannot be read any more ({(error.strerror or str(error)).lower()})"
    raise FolderGoneError(
        f"{folder}: the folder of the sweep {what} while the sweep ran; put it back and run the "
        "command again, or run it to start anew"
    )


def remove_remains(folder: StoragePath) -> None:
    """Removes what was still written below a folder after it was gone, unless it is a sweep."""
    with suppress(OSError, StorageError):
        if not any((folder / name).exists() for name in _MARKS):
            remove_folder(folder)


class Lookout:
    """Looks after a folder, at most once a second.

    Args:
        folder: of a running sweep.
        clock: in seconds.
    """

    def __init__(self, folder: StoragePath, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._clock, self._next_s = folder, clock, clock()

    def look(self) -> None:
        """Looks, unless it has just done so.

        Raises:
            FolderGoneError: in one line, if the folder is gone.
        """
        if self._clock() >= self._next_s:
            self._next_s = self._clock() + _LOOK_EVERY_S
            require_folder(self._folder)

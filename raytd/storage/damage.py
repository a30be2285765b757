"""Files of raytd's own that cannot be read: each counts as missing, is named once, and stays."""

import logging
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from raytd.errors import first_line
from raytd.storage.path import StoragePath

_logger = logging.getLogger("raytd")

Content = TypeVar("Content")


def read_if_whole(
    path: StoragePath, read: Callable[[bytes], Content], *, then: str
) -> Content | None:
    """What a file holds; None if it is not there or damaged, which a line of the log says.

    Args:
        path: of the file.
        read: makes sense of its content, or raises.
        then: what follows from the damage, and what to do, as a sentence.

    Raises:
        StorageError: if an object store cannot be asked.
    """
    try:
        return read(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        name_damage(path, error, then=then)
        return None


def name_damage(path: StoragePath, error: Exception, *, then: str) -> None:
    """Says in a line of the log `raytd` that a file is damaged, once in a process."""
    _say(f"{path}: cannot be read ({reason_of(error)}). {then}")


def reason_of(error: Exception) -> str:
    """Why a content cannot be read, in short."""
    return f"no {error}" if isinstance(error, KeyError) else first_line(error)


@cache
def _say(line: str) -> None:
    _logger.warning("%s", line)

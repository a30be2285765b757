"""What Ray itself prints about its cluster: on standard error, and in one sentence."""

import contextlib
import re
import sys
from collections.abc import Iterator
from typing import Any

_RAYLET = "(raylet)"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class _Sorting:
    """Standard output, but for Ray's messages.

    Ray prints the death of each process there, a paragraph long, into tables and JSON. What raytd
    does about it stands in the log of the trial.
    """

    def __init__(self, stdout: Any) -> None:
        self._stdout, self._within = stdout, False

    def write(self, text: str) -> int:
        """Takes a message of Ray apart; everything else goes where it was meant to."""
        if _RAYLET in text:
            first = _COLOUR.sub("", text).strip().split(". ")[0]
            sys.stderr.write(f"{first.removesuffix('.')}.\n")
            self._within = not text.endswith("\n")
        elif self._within and text == "\n":  # `print` writes the end of a line by itself
            self._within = False
        else:
            self._stdout.write(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stdout, name)


@contextlib.contextmanager
def ray_messages_sorted() -> Iterator[None]:
    """Keeps standard output free of what Ray prints while the block runs."""
    with contextlib.redirect_stdout(_Sorting(sys.stdout)):
        yield

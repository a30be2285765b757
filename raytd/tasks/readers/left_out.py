"""What a reader does not take, gathered by reason, and the sentences that say so."""

import os
from collections import Counter
from pathlib import Path

from raytd.words import listed, one_line

_EXAMPLES = 3

HIDDEN = "Hidden files and folders"
NOT_REGULAR = "Pipes, sockets and devices"
BROKEN_LINKS = "Links that lead nowhere"
OUTSIDE = "Images outside of class folders"
TWICE = "Files and folders that links reach a second time"
NO_PART = "Files whose path names no part"


class LeftOut:
    """Counts what is not taken and keeps a few examples.

    Args:
        root: folder of the data set, against which paths are shown.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}
        self._endings: Counter[str] = Counter()
        self._example_of: dict[str, str] = {}

    def add(self, reason: str, path: Path) -> None:
        """One more file or folder is left out for a reason."""
        self._counts[reason] += 1
        examples = self._examples.setdefault(reason, [])
        if len(examples) < _EXAMPLES:
            examples.append(shown(path, self._root))

    def add_ending(self, path: Path) -> None:
        """One more file is left out because of its ending."""
        ending = path.suffix.lower() or "without ending"
        self._endings[ending] += 1
        self._example_of.setdefault(ending, shown(path, self._root))

    def notes(self) -> list[str]:
        """A sentence for each reason, in the order of the first of each."""
        return [*(self._sentence(reason) for reason in self._counts), *self._of_endings()]

    def _sentence(self, reason: str) -> str:
        n, examples = self._counts[reason], self._examples[reason]
        more = ", …" if n > len(examples) else ""
        return f"{reason} are left out: {n:,} ({', '.join(examples)}{more})."

    def _of_endings(self) -> list[str]:
        if not self._endings:
            return []
        kinds = [f"{n:,} {e} ({self._example_of[e]})" for e, n in self._endings.most_common()]
        return [f"Files with other endings are left out: {listed(kinds, 6)}."]


def shown(path: Path, root: Path) -> str:
    """A path below a folder as one printable line."""
    text = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    text = os.fsencode(text).decode("utf-8", "backslashreplace")
    return one_line(text)

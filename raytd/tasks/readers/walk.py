"""Files below a folder: what is hidden is passed over, links are followed, each folder once."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from raytd.errors import DataError
from raytd.tasks.readers.left_out import BROKEN_LINKS, HIDDEN, NOT_REGULAR, TWICE, LeftOut, shown
from raytd.words import listed

_BOOKKEEPING = frozenset(
    (
        "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "@recycle", "#recycle",
        "$recycle.bin", "system volume information", "lost+found", "__pycache__",
    )
)  # fmt: skip
"""What systems and programs leave behind in folders, in small letters."""


def is_hidden(name: str) -> bool:
    """Whether a file or folder is no part of any data set."""
    return name.startswith(".") or name.lower() in _BOOKKEEPING


@dataclass
class Walk:
    """Looks into the folders of a data set.

    Attributes:
        root: folder of the data set.
        left: what is passed over.
        linked: whether a link was followed.
    """

    root: Path
    left: LeftOut = field(init=False)
    linked: bool = False
    _closed: dict[Path, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.left = LeftOut(self.root)

    def folders(self, folder: Path) -> list[Path]:
        """The visible folders in a folder, by name; counts nothing."""
        return [Path(e) for e in self._entries(folder) if not is_hidden(e.name) and _is_folder(e)]

    def holds(self, folder: Path, wanted: Callable[[str], bool], *, below: bool = False) -> bool:
        """Whether a file of a wanted name lies in a folder, or also below it; counts nothing."""
        ahead, seen = [folder], set[str]()
        while ahead:
            here = ahead.pop()
            real = os.path.realpath(here)
            entries = [] if real in seen else self._entries(here)
            seen.add(real)
            visible = [entry for entry in entries if not is_hidden(entry.name)]
            if any(wanted(entry.name) and _is_file(entry) for entry in visible):
                return True
            ahead += [Path(entry) for entry in visible if below and _is_folder(entry)]
        return False

    def level(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """The files and the folders in a folder; counts what is passed over."""
        files, folders = list[Path](), list[Path]()
        for entry in self._entries(folder):
            path = Path(entry)
            if is_hidden(entry.name):
                self.left.add(HIDDEN, path)
                continue
            found = folders if _is_folder(entry) else files if _is_file(entry) else None
            if found is None:
                self.left.add(BROKEN_LINKS if entry.is_symlink() else NOT_REGULAR, path)
            else:
                self.linked |= entry.is_symlink()
                found.append(path)
        return files, folders

    def below(self, folder: Path) -> Iterator[Path]:
        """All files below a folder.

        Each folder is entered once: by its own path, else by the first link that leads there.
        """
        seen: set[str] = set()
        ahead, links = [folder], list[Path]()
        while ahead or links:
            here = ahead.pop() if ahead else links.pop(0)
            real = os.path.realpath(here)
            if real in seen:
                self.left.add(TWICE, here)
                continue
            seen.add(real)
            files, folders = self.level(here)
            yield from files
            ahead += [path for path in reversed(folders) if not path.is_symlink()]
            links += [path for path in folders if path.is_symlink()]

    def require_open(self) -> None:
        """Refuses folders that could not be looked into.

        Raises:
            DataError: with all of them, in one line.
        """
        if self._closed:
            places = listed([shown(path, self.root) for path in self._closed], 5)
            raise DataError(f"{self.root}: cannot look into {places} (Permission denied)")

    def _entries(self, folder: Path) -> list["os.DirEntry[str]"]:
        """What lies in a folder, by name.

        Raises:
            DataError: if the data set's own folder cannot be looked into.
        """
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except PermissionError:
            self._closed[folder] = None
            return []
        except OSError as error:
            raise DataError(f"{folder}: cannot be read ({error.strerror})") from error


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    return _asked(entry.is_dir)


def _is_file(entry: "os.DirEntry[str]") -> bool:
    return _asked(entry.is_file)


def _asked(question: Callable[[], bool]) -> bool:
    """The answer; no for a link that leads to itself."""
    try:
        return question()
    except OSError:
        return False

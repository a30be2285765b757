"""The processes that a benchmark has started on this machine, by what they are."""

import os
from collections.abc import Iterator
from pathlib import Path

KINDS = {
    "block actor": "ray::BlockHost",
    "coordinator": "ray::CoordinatorHost",
    "trial process": "ray::ImplicitFunc",
}
"""What their titles begin with."""

_NAME, _VALUE = "RAYTD_BENCHMARK", str(os.getpid())


def mark() -> None:
    """Marks every process that is started from now on as this benchmark's."""
    os.environ[_NAME] = _VALUE


def processes(kind: str | None = None) -> list[int]:
    """Numbers of the marked processes, of all kinds or of one."""
    beginning = "" if kind is None else KINDS[kind]
    return [int(f.name) for f, title in _marked() if title.startswith(beginning)]


def memory_mb() -> float:
    """Resident memory of the marked processes in MB; shared pages count once for each."""
    total = 0.0
    for folder, _ in _marked():
        try:
            total += int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue
    return total / 1e6


def open_files() -> int:
    """Open files of the marked processes, but for those of Ray's log monitor.

    It keeps the two log files of every process that ended open until it has 200 of them.
    """
    total = 0
    for folder, title in _marked():
        if "log_monitor.py" in title:
            continue
        try:
            total += len(list((folder / "fd").iterdir()))
        except OSError:
            continue
    return total


def _marked() -> Iterator[tuple[Path, str]]:
    """The folders in /proc of living marked processes, with their titles."""
    marker = f"{_NAME}={_VALUE}\0".encode()
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and marker in (folder / "environ").read_bytes():
                title = (folder / "cmdline").read_text().replace("\0", " ").strip()
                if title:
                    yield folder, title
        except OSError:
            continue

"""`raytd` as a process of its own, and what it leaves running."""

import os
import sys
from pathlib import Path


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "HOME": str(home), "RAY_AUTH_MODE": "disabled", "COLUMNS": "80"}


def command(*args: str | Path) -> list[str]:
    return [sys.executable, "-m", "raytd", *map(str, args)]


def processes_with(marker: str) -> list[tuple[int, str]]:
    """Numbers and command lines of living processes that have `marker` in their environment."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and marker.encode() in (process / "environ").read_bytes():
                line = (process / "cmdline").read_text().replace("\0", " ")
                found.append((int(process.name), line))
        except OSError:
            continue
    return [(number, line) for number, line in found if line]

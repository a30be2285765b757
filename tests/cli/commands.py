"""`raytd` as a process of its own, and what it leaves running."""

import os
import subprocess
import sys
from pathlib import Path


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "HOME": str(home), "RAY_AUTH_MODE": "disabled", "COLUMNS": "80"}


def command(*args: str | Path) -> list[str]:
    return [sys.executable, "-m", "raytd", *map(str, args)]


def run_in(
    folder: Path, *args: str | Path, timeout_s: float = 300, **more: str
) -> subprocess.CompletedProcess[str]:
    """`raytd` with these arguments in a folder, which is its home, too.

    Args:
        folder: where it runs.
        args: of the command line.
        timeout_s: until it is killed.
        more: of its environment.
    """
    return subprocess.run(
        command(*args),
        cwd=folder,
        env=environment(folder) | more,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


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

"""`raytd` in this process or in one of its own, and what it leaves running."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from raytd.cli import main

_ROOT = Path(__file__).parents[2]


def environment(home: Path) -> dict[str, str]:
    """Of a command with that home: no token for Ray, whose workers other tests do not starve."""
    changed = {"HOME": str(home), "RAY_AUTH_MODE": "disabled", "RAY_worker_niceness": "0"}
    return {**os.environ, **changed, "COLUMNS": "80"}


def command(*args: str | Path) -> list[str]:
    return [sys.executable, "-m", "raytd", *map(str, args)]


@contextmanager
def surroundings(folder: Path, **more: str) -> Iterator[None]:
    """Within the block this process is in a folder, which is its home, too; then all is as before.

    Args:
        folder: where it is.
        more: of its environment.
    """
    before, place = dict(os.environ), Path.cwd()
    os.environ.update(environment(folder) | more)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(place)
        os.environ.clear()
        os.environ.update(before)


def exit_code(args: Sequence[str | Path]) -> int:
    """Runs the command line in this process; the code with which it ends."""
    with pytest.raises(SystemExit) as ended:
        main([str(arg) for arg in args])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def run_here(folder: Path, *args: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """`raytd` with these arguments in a folder, in this process: it costs no imports.

    A process of its own (`run_in`) is for what only a process shows: signals, the streams of the
    system, surroundings that count when libraries are imported.

    Args:
        folder: where it runs, which is its home, too.
        args: of the command line.
        more: of its environment.
    """
    out, err = io.StringIO(), io.StringIO()
    with surroundings(folder, **more), redirect_stdout(out), redirect_stderr(err):
        code = exit_code(args)
    return subprocess.CompletedProcess(["raytd", *args], code, out.getvalue(), err.getvalue())


def run_in(
    folder: Path, *args: str | Path, timeout_s: float = 300, **more: str
) -> subprocess.CompletedProcess[str]:
    """`raytd` with these arguments in a folder, in a process of its own.

    Args:
        folder: where it runs, which is its home, too.
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


_EACH = """
import json, sys
from pathlib import Path
from tests.cli.commands import run_here

ran = [run_here(Path.cwd(), *words) for words in json.loads(sys.argv[1])]
print(json.dumps([(r.returncode, r.stdout, r.stderr) for r in ran]))
"""


def run_each_in(
    folder: Path, *commands: Sequence[str], timeout_s: float = 300, **more: str
) -> list[subprocess.CompletedProcess[str]]:
    """Commands of `raytd` one after the other, in one process that is not this one.

    Args:
        folder: where they run, which is their home, too.
        commands: the words of each.
        timeout_s: until the process is killed.
        more: of its environment.
    """
    path = os.pathsep.join((*filter(None, (more.get("PYTHONPATH"),)), str(_ROOT)))
    ended = subprocess.run(
        [sys.executable, "-c", _EACH, json.dumps(commands)],
        cwd=folder,
        env=environment(folder) | more | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=True,
    )
    each = zip(commands, json.loads(ended.stdout), strict=True)
    return [subprocess.CompletedProcess(["raytd", *words], *ran) for words, ran in each]


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


def fields_by_event() -> dict[str, set[str]]:
    """What the README lists for each event beside the fields that all of them have."""
    readme = (_ROOT / "README.md").read_text()
    table = readme.partition("| `event` | fields |\n|---|---|\n")[2].partition("\n\n")[0]
    rows = [re.findall(r"`(\w+)`", line) for line in table.splitlines()]
    return {event: set(fields) for event, *fields in rows}

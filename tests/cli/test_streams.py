"""Commands whose standard streams go away, are full, or know few characters."""

import shlex
import subprocess
import sys
from pathlib import Path

from tests.cli.commands import command, environment

SAYING = """
import sys
from raytd.cli.streams import prepare_streams

prepare_streams()
print("first", file=sys.stderr)
sys.stdin.readline()
print("second", file=sys.stderr)
print("the work is done")
"""


def test_a_reader_of_standard_error_that_goes_away_ends_nothing() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SAYING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert next(process.stderr) == "first\n"
    process.stderr.close()
    process.stderr = None
    out, _ = process.communicate("go on\n", timeout=60)
    assert out == "the work is done\n"
    assert process.returncode == 0


def listed(tmp_path: Path, redirection: str, **more: str) -> subprocess.CompletedProcess[str]:
    line = f"{shlex.join(command('tasks', 'digits-even', '--sheet', 'sheet.png'))} {redirection}"
    return subprocess.run(
        ["bash", "-c", line],
        cwd=tmp_path,
        env=environment(tmp_path) | more,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_result_that_nobody_reads_ends_with_the_code_of_a_broken_pipe(tmp_path: Path) -> None:
    ended = listed(tmp_path, "| true; echo ${PIPESTATUS[0]}")
    assert ended.stdout == "141\n"
    assert ended.stderr == "standard output was closed before all was printed\n"


def test_a_result_that_has_no_room_is_one_line(tmp_path: Path) -> None:
    ended = listed(tmp_path, "> /dev/full")
    assert ended.returncode == 1
    assert ended.stderr == "standard output cannot be written (no space left on device)\n"


def test_characters_that_a_terminal_does_not_know_end_nothing(tmp_path: Path) -> None:
    ended = listed(tmp_path, "", PYTHONIOENCODING="ascii")
    assert ended.returncode == 0, ended.stderr
    assert "8?8" in ended.stdout
    assert ended.stderr == ""

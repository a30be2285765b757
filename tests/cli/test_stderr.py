"""A command whose standard error goes away while it runs."""

import subprocess
import sys

SAYING = """
import sys
from raytd.cli.stderr import outlive_reader

outlive_reader()
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

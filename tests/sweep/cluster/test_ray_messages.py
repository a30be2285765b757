"""Standard output is for results: what Ray prints there goes elsewhere."""

import sys

import pytest

from raytd.sweep.cluster.connection import ray_messages_sorted

DEATH = (
    "\x1b[33m(raylet)\x1b[0m A worker died or was killed while executing a task by an unexpected "
    "system error. To troubleshoot the problem, check the logs. Lease ID: 01"
)


def test_a_message_of_ray_is_one_sentence_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ray_messages_sorted():  # each text as `print` writes it
        for text in ("{", "\n", DEATH, "\n", "}", DEATH, "\n", "\n"):
            sys.stdout.write(text)
    told = capsys.readouterr()
    assert told.out == "{\n}\n"
    sentence = (
        "(raylet) A worker died or was killed while executing a task by an unexpected system error."
    )
    assert told.err.splitlines() == [sentence, sentence]


def test_standard_output_is_itself_again_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout
    with ray_messages_sorted():
        assert sys.stdout.encoding == before.encoding
        assert sys.stdout.isatty() == before.isatty()
    assert sys.stdout is before

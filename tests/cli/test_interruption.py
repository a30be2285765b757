"""The signals that end a process, in commands that are not sweeps; see test_faults.py for those."""

import os
import pty
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from raytd.cli.interruption import Interrupted, Interruption, ended_in_order, remembered

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _call_of_a_library(sign: signal.Signals) -> None:
    try:
        signal.raise_signal(sign)
    except KeyboardInterrupt as error:
        raise RuntimeError("a call failed") from error


@pytest.mark.parametrize("sign", ENDING)
def test_a_signal_raises_and_is_remembered_when_a_library_makes_another_error_of_it(
    sign: signal.Signals,
) -> None:
    with remembered() as interruption:
        interruption.check()
        with pytest.raises(Interrupted):
            ended_in_order(lambda: _call_of_a_library(sign), interruption)
        assert interruption.exit_code == 128 + sign
        with pytest.raises(KeyboardInterrupt):
            interruption.check()


def test_what_handled_the_signals_before_handles_them_again() -> None:
    before = [signal.getsignal(sign) for sign in ENDING]
    with remembered():
        assert all(signal.getsignal(s) is not b for s, b in zip(ENDING, before, strict=True))
    assert [signal.getsignal(sign) for sign in ENDING] == before


def test_a_signal_that_was_ignored_from_the_start_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with remembered() as interruption:
            signal.raise_signal(signal.SIGHUP)
            assert interruption.signal is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_thread_that_gets_no_signals_goes_without() -> None:
    def came() -> bool:
        with remembered() as interruption:
            return interruption.signal is not None

    with ThreadPoolExecutor() as pool:
        assert not pool.submit(came).result()


def test_an_error_without_a_signal_stays_what_it_is() -> None:
    def fail() -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        ended_in_order(fail, Interruption())


def test_the_first_signal_is_held_until_the_end_of_the_outermost_block() -> None:
    interruption, reached = Interruption(), []

    def hold() -> None:
        with interruption.held():
            with interruption.held():
                interruption.arrive(signal.SIGTERM)
            reached.append("the inner block does not raise")

    with pytest.raises(KeyboardInterrupt):
        hold()
    assert reached == ["the inner block does not raise"]


def test_a_held_signal_is_let_through_where_the_long_work_begins() -> None:
    interruption, ends = Interruption(), []

    def hold() -> None:
        with interruption.held():
            interruption.arrive(signal.SIGTERM)
            try:
                with interruption.let_through():
                    pytest.fail("the work begins")
            finally:
                interruption.arrive(signal.SIGHUP)  # what ends it is held again
                ends.append("in order")

    with pytest.raises(KeyboardInterrupt):
        hold()
    assert ends == ["in order"]


def test_signals_of_the_same_moment_are_one_and_a_later_one_ends_the_tidying_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    interruption = Interruption()
    with pytest.raises(KeyboardInterrupt):
        interruption.arrive(signal.SIGTERM)
    interruption.arrive(signal.SIGHUP)
    now = 101.5
    with pytest.raises(KeyboardInterrupt), interruption.held():
        interruption.arrive(signal.SIGHUP)
    assert interruption.signal is signal.SIGTERM


def test_the_line_quotes_the_command_and_leaves_passwords_out() -> None:
    words = ["sweep", "my file.yaml", "--tracking-uri=https://me:secret@host/x"]
    interruption = Interruption(words)
    with pytest.raises(KeyboardInterrupt):
        interruption.arrive(signal.SIGHUP)
    assert interruption.line(": 1 of 2 trials finished") == (
        "stopped by SIGHUP (the terminal was closed): 1 of 2 trials finished; run it again with: "
        "raytd sweep 'my file.yaml' '--tracking-uri=https://***@host/x'"
    )


WAITING = """
import sys, threading
import click
from raytd import cli

def wait():
    print("waiting", flush=True)
    threading.Event().wait()

cli._COMMANDS["wait"] = "Waits."
sys.modules["raytd.cli.commands.wait"] = type(sys)("wait")
sys.modules["raytd.cli.commands.wait"].command = click.command("wait")(wait)
cli.main(["wait"])
"""


@pytest.mark.parametrize("sign", ENDING)
def test_any_command_ends_with_one_line_and_the_code_of_its_signal(sign: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert next(process.stdout) == "waiting\n"
    process.send_signal(sign)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + sign
    (line,) = said.splitlines()
    assert line.startswith("stopped by ")
    assert line.endswith("; run it again with: raytd wait")


def test_a_command_whose_terminal_is_closed_ends_with_129_though_it_can_say_nothing(
    tmp_path: Path,
) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", WAITING])
    shown = b""
    while b"waiting" not in shown:
        shown += os.read(terminal, 1000)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 129

"""Ctrl-C counts, whatever becomes of its exception on the way."""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from raytd.cli.interruption import remembered


def _call_of_a_library() -> None:
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt as error:
        raise RuntimeError("a call failed") from error


def test_ctrl_c_raises_and_is_remembered_when_a_library_makes_another_error_of_it() -> None:
    with remembered() as interruption:
        interruption.check()
        with pytest.raises(RuntimeError):
            _call_of_a_library()
        assert interruption.pressed
        with pytest.raises(KeyboardInterrupt):
            interruption.check()


def test_what_handled_the_signal_before_handles_it_again() -> None:
    before = signal.getsignal(signal.SIGINT)
    with remembered():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_thread_that_gets_no_signals_goes_without() -> None:
    def pressed() -> bool:
        with remembered() as interruption:
            return interruption.pressed

    with ThreadPoolExecutor() as pool:
        assert not pool.submit(pressed).result()

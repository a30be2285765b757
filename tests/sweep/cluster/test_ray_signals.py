"""Signals while Ray starts; `signals_wait` stands here around what Ray does with them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from raytd.sweep.cluster.ray_signals import children_apart, signals_wait

GROUP = [sys.executable, "-c", "import os; print(os.getpgrp())"]


@pytest.fixture
def came() -> Iterator[list[int]]:
    """The signals that reach a handler of ours."""
    found: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: found.append(number))
    yield found
    signal.signal(signal.SIGTERM, before)


def leave(number: int, frame: object) -> None:
    sys.exit(number)


def test_a_signal_waits_for_the_end_and_then_reaches_our_handler(came: list[int]) -> None:
    ours = signal.getsignal(signal.SIGTERM)
    with signals_wait():
        signal.raise_signal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, leave)  # as ray.init does
        signal.raise_signal(signal.SIGTERM)
        assert came == []
    assert came == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is ours


def test_it_reaches_our_handler_also_where_the_start_fails(came: list[int]) -> None:
    with pytest.raises(ConnectionError), signals_wait():
        _fail_after_a_signal()
    assert came == [signal.SIGTERM]


def _fail_after_a_signal() -> None:
    signal.raise_signal(signal.SIGTERM)
    raise ConnectionError


def test_another_signal_after_a_second_is_not_kept_waiting(
    came: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    with signals_wait():
        signal.raise_signal(signal.SIGTERM)
        now = 101.5
        signal.raise_signal(signal.SIGTERM)
        assert came == [signal.SIGTERM]
    assert came == [signal.SIGTERM]


def test_an_ignored_signal_stays_ignored_and_other_handlers_can_be_set() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    other = signal.getsignal(signal.SIGUSR1)
    try:
        with signals_wait():
            signal.raise_signal(signal.SIGHUP)
            signal.signal(signal.SIGUSR1, leave)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGUSR1) is leave
    finally:
        signal.signal(signal.SIGHUP, before)
        signal.signal(signal.SIGUSR1, other)


def test_a_thread_changes_no_handler() -> None:
    before = signal.getsignal(signal.SIGTERM)

    def inside() -> object:
        with signals_wait():
            return signal.getsignal(signal.SIGTERM)

    with ThreadPoolExecutor() as pool:
        assert pool.submit(inside).result() is before


def _group(prepare: Callable[[], None]) -> int:
    done = subprocess.run(GROUP, stdout=subprocess.PIPE, preexec_fn=prepare, check=True)
    return int(done.stdout)


def test_processes_that_ray_starts_do_not_get_the_signals_of_our_group() -> None:
    with children_apart():
        assert _group(lambda: None) != os.getpgrp()
    assert _group(lambda: None) == os.getpgrp()

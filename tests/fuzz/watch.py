"""What becomes of a call that reads a file: it ends, or is refused, or it ends badly."""

import resource
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from raytd.errors import RaytdError, RequestError

CPU_S = 5.0
"""Seconds of the processor: those of the clock depend on what else the machine does."""

WAIT_S = 60.0
BYTES = 10**9
_LOOK_S = 0.5


class Coerced(Exception):  # noqa: N818 - a finding
    """What was read is not what is written."""


class TooLong(BaseException):  # noqa: N818 - passes every `except Exception`
    """A limit of time was reached."""


@dataclass(frozen=True)
class Outcome:
    """How a call has ended.

    Attributes:
        taken: whether it gave a result.
        fault: what is wrong with how it ended; None if nothing is.
    """

    taken: bool
    fault: str | None = None


def watched(call: Callable[[], Any], *, cpu_s: float = CPU_S, wait_s: float = WAIT_S) -> Outcome:
    """Runs a call within limits of time and memory."""
    try:
        with _limited_time(cpu_s, wait_s), _limited_memory(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
    except RaytdError as error:
        return Outcome(False, _fault_of_message(error))
    except Coerced as error:
        return Outcome(True, f"silent conversion: {error}")
    except TooLong as error:
        return Outcome(False, f"{error}, in{_place(error)}")
    except MemoryError as error:
        return Outcome(False, f"more than {BYTES:,} bytes, in{_place(error)}")
    except BaseException as error:  # noqa: BLE001 - SystemExit is a fault, too
        return Outcome(False, f"{type(error).__name__}: {str(error)[:200]}, in{_place(error)}")
    return Outcome(True)


def _fault_of_message(error: RaytdError) -> str | None:
    lines = error.problems if isinstance(error, RequestError) else [str(error)]
    wrong = [line for line in lines if not line or "\n" in line]
    return f"a message of no line, or of several: {wrong[0]!r}" if wrong or not lines else None


def _place(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/raytd/" in f.filename]
    return "".join(f" {f.filename.rpartition('/raytd/')[2]}:{f.lineno}" for f in frames[-2:])


@contextmanager
def _limited_time(cpu_s: float, wait_s: float) -> Iterator[None]:
    began, cpu_began = time.monotonic(), time.process_time()

    def look(*_: Any) -> None:
        if time.process_time() - cpu_began > cpu_s:
            raise TooLong(f"more than {cpu_s:g} s of the processor")
        if time.monotonic() - began > wait_s:
            raise TooLong(f"waited for more than {wait_s:g} s")

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _LOOK_S, _LOOK_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _limited_memory() -> Iterator[None]:
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)

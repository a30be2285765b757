"""Trials on actors to which something happens once, at a certain call to a block's worker.

It happens in the process of the coordinator's actor, just before that call, so that nothing has
to be watched for.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import cloudpickle

from raytd.engine.block import BlockSetup
from raytd.engine.coordinator import Tell
from raytd.engine.on_ray.executor import Limits, RayCall, RayExecutor
from raytd.engine.on_ray.pool import ActorPool

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # actors cannot import tests

MOMENT_S = 2.0


@dataclass(frozen=True)
class Impatient(Limits):
    """Gives calls a long time, and a moment as soon as a process that they may go to is stopped.

    Attributes:
        pids: of those processes.
    """

    pids: tuple[int, ...] = ()

    def __getattribute__(self, name: str) -> Any:
        """As ever, but for `call_s`."""
        if name == "call_s" and any(is_stopped(pid) for pid in self.pids):
            return MOMENT_S
        return super().__getattribute__(name)


def is_stopped(pid: int) -> bool:
    """Whether a process is there and stands still."""
    return _state(pid) == "T"


def stop(*pids: int) -> None:
    """Stops processes, and waits until they stand still: a signal is on its way for a while."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    _wait_until(lambda: all(is_stopped(pid) for pid in pids), "they were not stopped")


def wait_until_ended(*pids: int) -> None:
    """Waits for the end of processes that are to be killed: Ray gives one that hangs a while."""
    ended = ("gone", "Z")
    _wait_until(lambda: all(_state(pid) in ended for pid in pids), "they were not killed")


def _wait_until(is_so: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return "gone"


Act = Callable[[RayExecutor], object]


def kill_coordinator(_: RayExecutor) -> None:
    """Ends the process that this runs in."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_block(executor: RayExecutor) -> None:
    """Ends the process of block 1 once it has answered all calls before."""
    os.kill(ray.get(executor.hosts[1].pid.remote()), signal.SIGKILL)


def stop_block(executor: RayExecutor) -> None:
    """Stops the process of block 1 once it has answered all calls before."""
    stop(ray.get(executor.hosts[1].pid.remote()))


def hold_coordinator(_: RayExecutor) -> None:
    """Keeps the coordinator where it is until its process ends."""
    threading.Event().wait()


@dataclass(frozen=True)
class Disturbance:
    """What happens, and where.

    Attributes:
        folder: for its notes.
        place: of the call: its method and first arguments.
        act: what is done.
    """

    folder: Path
    place: tuple[Any, ...]
    act: Act

    @property
    def has_happened(self) -> bool:
        """Whether the call has been reached; it happens once."""
        return (self.folder / "happened").exists()

    @property
    def advances(self) -> list[int]:
        """The segments through which block 1 was sent, in order."""
        return [int(line) for line in (self.folder / "advances").read_text().splitlines()]

    def before(self, executor: RayExecutor, method: str, *args: Any) -> None:
        """Notes a call of block 1, and acts if it is the one."""
        if method == "advance":
            with (self.folder / "advances").open("a") as file:
                file.write(f"{args[0]}\n")
        if (method, *args)[: len(self.place)] == self.place and not self.has_happened:
            (self.folder / "happened").touch()
            self.act(executor)


class Disturbed(RayExecutor):
    """An executor with a disturbance."""

    disturbance: Disturbance

    def submit(self, block: int, method: str, *args: Any) -> RayCall:
        """Starts a call, perhaps with a disturbance before it."""
        if block == 1:
            self.disturbance.before(self, method, *args)
        return super().submit(block, method, *args)

    def end_hanging(self, host: int, generation: int) -> None:
        """Kills a host that does not answer, and goes on when it is gone."""
        super().end_hanging(host, generation)
        if isinstance(self.limits, Impatient):
            wait_until_ended(*self.limits.pids)


@contextmanager
def disturbed(pool: ActorPool, folder: Path, *place: Any, by: Act) -> Iterator[Disturbance]:
    """Within the block, the trials of a pool are disturbed once, before a call of block 1.

    Args:
        pool: that runs them.
        folder: for notes about it.
        place: method and first arguments of the call.
        by: is done then.
    """
    disturbance, make = Disturbance(folder, place, by), pool._executor
    folder.mkdir()

    def make_disturbed(setups: Sequence[BlockSetup], limits: Limits, tell: Tell) -> RayExecutor:
        executor = make(setups, limits, tell)
        executor.__class__ = Disturbed
        vars(executor)["disturbance"] = disturbance
        return executor

    vars(pool)["_executor"] = make_disturbed
    try:
        yield disturbance
    finally:
        del vars(pool)["_executor"]

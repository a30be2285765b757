"""Calls to actors that survive the loss of the actor, and waits that end."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import ray
from ray.exceptions import GetTimeoutError, ObjectLostError, RayActorError, RayTaskError

from raytd.engine.block import BlockSetup
from raytd.engine.on_ray.metrics import count_bytes, count_loss, count_segment
from raytd.engine.on_ray.states import packed, size, unpacked
from raytd.engine.on_ray.usage import UsageMeter
from raytd.engine.worker import BlockWorker
from raytd.errors import WaitTimeoutError, WorkerLostError

_RETRY_PAUSE_S = 0.5
_NOTICE_S = 10.0
"""Within which Ray has ended a stopped process and refuses calls to it."""


@dataclass(frozen=True)
class Limits:
    """How long, and how often.

    Attributes:
        call_s: one call to an actor; one that takes longer hangs.
        wait_s: for an actor to be placed and started.
        attempts: of one call, before its block counts as lost; of an iteration, likewise.
    """

    call_s: float = 3600
    wait_s: float = 1800
    attempts: int = 5


LIMITS = Limits()


class WorkerMissingError(Exception):
    """A call reached an actor that was restarted and has not been given its work again."""


class BlockHost:
    """The actor that owns one device and holds the workers of one or several blocks."""

    def __init__(self) -> None:
        self._trial = ""
        self._workers: dict[int, BlockWorker] = {}
        self._meter = UsageMeter()

    def usage(self) -> dict[str, float]:
        """What the actor's process has used; see `UsageMeter`."""
        return self._meter.read()

    def pid(self) -> int:
        """The actor's process; answers once it has started."""
        return os.getpid()

    def build(self, trial: str, index: int, setup: BlockSetup) -> None:
        """Builds a worker; the first one of a new trial drops those of the last."""
        if trial != self._trial:
            self._trial, self._workers = trial, {}
            _free_memory()
        self._workers[index] = BlockWorker(setup)

    def call(self, trial: str, block: int, method: str, *args: Any) -> Any:
        """Calls a method of a block's worker."""
        if trial != self._trial or block not in self._workers:
            raise WorkerMissingError(f"trial {trial}, block {block}")
        return packed(getattr(self._workers[block], method)(*map(unpacked, args)))


class RayExecutor:
    """Runs calls on block hosts; a lost host is given its blocks again and the call repeated.

    Workers are pure, so a repeated call returns the bits that the lost one would have returned.

    Args:
        hosts: handles of `BlockHost` actors.
        setups: references to the setups, in block order; their owner outlives the executor.
        limits: on calls and waits.
        sweep: for which metrics are counted; none are without it.
    """

    def __init__(
        self,
        hosts: Sequence[Any],
        setups: Sequence[Any],
        *,
        limits: Limits = LIMITS,
        sweep: str = "",
    ) -> None:
        self.hosts, self.setups, self.limits = list(hosts), list(setups), limits
        self.sweep = sweep
        self.trial = uuid4().hex
        self.notes: list[str] = []
        self._generation = [0] * len(self.hosts)

    def share(self, value: Any) -> Any:
        """Puts a value into the object store once, for every block that is sent it."""
        sent = packed(value)
        count_bytes(self.sweep, "to", size(sent))
        return ray.put(sent)

    def fetch(self, handle: Any) -> Any:
        """The value out of the object store of the node that shared it."""
        return unpacked(wait_for(handle, self.limits.call_s, "a value of this node's object store"))

    def submit(self, block: int, method: str, *args: Any) -> "RayCall":
        """Starts a call on the host of a block."""
        return RayCall(self, block, method, args)

    def build(self) -> None:
        """Gives every host its blocks.

        Raises:
            WaitTimeoutError: if an actor does not start in time.
            WorkerLostError: if an actor is lost again and again, or hangs.
        """
        for host in range(len(self.hosts)):
            self._build_host(host)

    def host_of(self, block: int) -> int:
        """Blocks are dealt to hosts in contiguous runs."""
        return block * len(self.hosts) // len(self.setups)

    def revive(self, host: int, generation: int, why: str) -> None:
        """Waits until Ray has restarted a host, and gives it its blocks again, once per loss."""
        if self._generation[host] != generation:
            return
        self.notes.append(f"block actor {host} {why} and was made again")
        count_loss(self.sweep, "block actor")
        self._build_host(host)
        self._generation[host] += 1

    def end_hanging(self, host: int, generation: int) -> None:
        """Kills a host that does not answer, once; Ray starts it again."""
        if self._generation[host] == generation:
            ray.kill(self.hosts[host], no_restart=False)

    def generation(self, host: int) -> int:
        """How often a host has been given its blocks again."""
        return self._generation[host]

    def _build_host(self, host: int) -> None:
        actor, limits = self.hosts[host], self.limits
        blocks = [b for b in range(len(self.setups)) if self.host_of(b) == host]
        for _ in range(limits.attempts):
            wake(f"block actor {host}", actor, actor.pid, limits, self.notes.append)
            building = [actor.build.remote(self.trial, b, self.setups[b]) for b in blocks]
            try:
                ray.get(building, timeout=limits.call_s)
            except GetTimeoutError as error:
                lost, last = f"did not answer within {limits.call_s:g} s", error
                ray.kill(actor, no_restart=False)
            except (RayActorError, ObjectLostError) as error:
                if _is_of_the_worker(error):
                    raise
                lost, last = " ".join(str(error).split()), error
            else:
                return
            self.notes.append(f"block actor {host} was lost while it was given its blocks")
        raise WorkerLostError(
            f"block actor {host} was lost {limits.attempts} times while it was given its blocks; "
            f"the last time: {lost}"
        ) from last


@dataclass
class RayCall:
    """One call on the worker of a block, made again when its actor is lost or hangs."""

    executor: RayExecutor
    block: int
    method: str
    args: tuple[Any, ...]
    _generation: int = field(init=False)
    _ref: Any = field(init=False)

    def __post_init__(self) -> None:
        self._start()

    def result(self) -> Any:
        """Waits for the answer, once: the object store need not keep what has been fetched.

        Raises:
            WorkerLostError: if the actor is lost again and again.
            WaitTimeoutError: if no actor takes its place in time.
        """
        executor, host = self.executor, self.executor.host_of(self.block)
        for _ in range(executor.limits.attempts):
            try:
                value = ray.get(self._ref, timeout=executor.limits.call_s)
            except GetTimeoutError as error:
                last = error
                lost = f"did not answer {self.method} within {executor.limits.call_s:g} s"
                executor.end_hanging(host, self._generation)
            except (RayActorError, ObjectLostError, WorkerMissingError) as error:
                if _is_of_the_worker(error):
                    raise
                last = error
                lost = f"was lost ({str(error).strip().splitlines()[0]})"
            else:
                self._ref = None
                count_bytes(executor.sweep, "from", size(value))
                if self.method == "advance":
                    count_segment(executor.sweep)
                return unpacked(value)
            executor.revive(host, self._generation, lost)
            self._start()
        raise WorkerLostError(
            f"block {self.block}: its actor was lost {executor.limits.attempts} times in "
            f"{self.method}; the last time it {lost}"
        ) from last

    def _start(self) -> None:
        executor, host = self.executor, self.executor.host_of(self.block)
        self._generation = executor.generation(host)
        call = executor.hosts[host].call
        self._ref = call.remote(executor.trial, self.block, self.method, *self.args)


def wait_for(references: Any, timeout_s: float, what: str) -> Any:
    """What the references stand for.

    Raises:
        WaitTimeoutError: if it is not there in time; says what was waited for.
    """
    try:
        return ray.get(references, timeout=timeout_s)
    except GetTimeoutError as error:
        raise _in_vain(timeout_s, what) from error


def wait_for_actor(call: Callable[[], list[Any]], timeout_s: float, what: str) -> None:
    """Repeats calls until the actor that Ray starts, or starts again, has answered them all.

    Raises:
        WaitTimeoutError: as `wait_for`.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        left = deadline - time.monotonic()
        try:
            ray.get(call(), timeout=max(0.1, left))
        except GetTimeoutError as error:
            raise _in_vain(timeout_s, what) from error
        except (RayActorError, ObjectLostError) as error:
            if _is_of_the_worker(error):
                raise
            if left <= 0:
                raise _in_vain(timeout_s, what) from error
            time.sleep(_RETRY_PAUSE_S)
        else:
            return


def wake(name: str, actor: Any, ask: Any, limits: Limits, tell: Callable[[str], None]) -> None:
    """Waits until an actor that has had a place answers; one that is silent is killed.

    Ray starts it again. Calls to an actor that has lost its place are refused until it has another
    one, for which it is waited; only an actor that has its place is silent.

    Args:
        name: of the actor.
        actor: its handle.
        ask: a method of it that answers at once.
        limits: on the silence, the wait, and how often the actor is killed.
        tell: called when it is.

    Raises:
        WaitTimeoutError: if it has no place in time.
        WorkerLostError: if it is silent again and again.
    """
    patience = min(limits.call_s, max(limits.wait_s, _NOTICE_S))
    for _ in range(limits.attempts):
        deadline = time.monotonic() + limits.wait_s
        while True:
            try:
                ray.get(ask.remote(), timeout=patience)
            except GetTimeoutError as error:
                last = error
                break
            except RayActorError as error:
                if time.monotonic() > deadline:
                    what = f"{name} to be placed and to start"
                    raise _in_vain(limits.wait_s, what) from error
                time.sleep(_RETRY_PAUSE_S)
            else:
                return
        ray.kill(actor, no_restart=False)
        tell(f"{name} did not answer within {patience:g} s and was made again")
    raise WorkerLostError(
        f"{name} did not answer within {patience:g} s, {limits.attempts} times"
    ) from last


def _in_vain(timeout_s: float, what: str) -> WaitTimeoutError:
    return WaitTimeoutError(f"waited {timeout_s:g} s for {what}, in vain")


def local_cause(error: BaseException) -> BaseException:
    """What was raised in the remote process, without the wrappers that Ray adds on the way."""
    while isinstance(error, RayTaskError) and error.cause is not None:
        error = error.cause
    return error


def _is_of_the_worker(error: BaseException) -> bool:
    """Whether it was raised by our code on the other side, rather than by Ray about it."""
    return isinstance(error, RayTaskError) and not isinstance(
        local_cause(error), WorkerMissingError
    )


def _free_memory() -> None:
    """Gives the device back what the workers of the last trial held."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()

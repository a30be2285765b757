"""The engine on Ray: actors made of the plain classes, calls that survive the loss of an actor."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayTaskError
from ray.util.placement_group import PlacementGroup
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from raytd.engine.block import BlockSetup
from raytd.engine.coordinator import Coordinator, Cut
from raytd.engine.records import Iteration, Plan
from raytd.engine.worker import BlockWorker
from raytd.errors import WaitTimeoutError, WorkerLostError
from raytd.transport.tiles import Tiles

ATTEMPTS = 5
START_TIMEOUT_S = 300.0
CALL_TIMEOUT_S = 3600.0
_RETRY_PAUSE_S = 0.5

T = TypeVar("T")


class WorkerMissingError(Exception):
    """A call reached an actor that was restarted and has not been given its blocks again."""


class BlockHost:
    """The actor that owns one device and holds the workers of one or several blocks."""

    def __init__(self) -> None:
        self._trial = ""
        self._workers: dict[int, BlockWorker] = {}

    def pid(self) -> int:
        """The actor's process; answers once it has started."""
        return os.getpid()

    def build(self, trial: str, index: int, setup: BlockSetup) -> None:
        """Builds a worker; the first one of a new trial drops those of the last."""
        if trial != self._trial:
            self._trial, self._workers = trial, {}
        self._workers[index] = BlockWorker(setup)

    def call(self, trial: str, block: int, method: str, *args: Any) -> Any:
        """Calls a method of a block's worker."""
        if trial != self._trial or block not in self._workers:
            raise WorkerMissingError(f"trial {trial}, block {block}")
        return getattr(self._workers[block], method)(*args)


class CoordinatorHost:
    """The actor that holds the coordinator of one trial at a time."""

    def start(self, plan: Plan, executor: "RayExecutor") -> Tiles | None:
        """Begins a trial; see `Coordinator.start`."""
        self._coordinator = Coordinator(plan)
        return self._coordinator.start(executor)

    def iterate(self, executor: "RayExecutor") -> tuple[Iteration, Tiles | None]:
        """Runs the next iteration; see `Coordinator.iterate`."""
        return self._coordinator.iterate(executor)


class RayExecutor:
    """Runs calls on block hosts; a lost host is given its blocks again and the call repeated.

    Workers are pure, so a repeated call returns the bits that the lost one would have returned.

    Args:
        hosts: handles of `BlockHost` actors.
        setups: references to the setups, in block order; their owner outlives the executor.
        attempts: how often one call is made before its block counts as lost.
    """

    def __init__(
        self, hosts: Sequence[Any], setups: Sequence[Any], *, attempts: int = ATTEMPTS
    ) -> None:
        self.hosts, self.setups, self.attempts = list(hosts), list(setups), attempts
        self.trial = uuid4().hex
        self._generation = [0] * len(self.hosts)

    def share(self, value: Any) -> Any:
        """Puts a value into the object store once, for every block that is sent it."""
        return ray.put(value)

    def submit(self, block: int, method: str, *args: Any) -> "RayCall":
        """Starts a call on the host of a block."""
        return RayCall(self, block, method, args)

    def build(self) -> None:
        """Gives every host its blocks.

        Raises:
            WaitTimeoutError: if an actor does not start in time.
        """
        for host in range(len(self.hosts)):
            self._build_host(host)

    def host_of(self, block: int) -> int:
        """Blocks are dealt to hosts in contiguous runs."""
        return block * len(self.hosts) // len(self.setups)

    def revive(self, host: int, generation: int) -> None:
        """Waits until Ray has restarted a host, and gives it its blocks again, once per loss."""
        if self._generation[host] != generation:
            return
        self._build_host(host)
        self._generation[host] += 1

    def generation(self, host: int) -> int:
        """How often a host has been given its blocks again."""
        return self._generation[host]

    def _build_host(self, host: int) -> None:
        blocks = [b for b in range(len(self.setups)) if self.host_of(b) == host]
        _wait_for_actor(
            lambda: [self.hosts[host].build.remote(self.trial, b, self.setups[b]) for b in blocks],
            f"block actor {host} to start",
        )


@dataclass
class RayCall:
    """One call on the worker of a block, made again when its actor is lost."""

    executor: RayExecutor
    block: int
    method: str
    args: tuple[Any, ...]
    _generation: int = field(init=False)
    _ref: Any = field(init=False)

    def __post_init__(self) -> None:
        self._start()

    def result(self) -> Any:
        """Waits for the answer.

        Raises:
            WorkerLostError: if the actor is lost again and again.
            WaitTimeoutError: if the call takes too long.
        """
        host = self.executor.host_of(self.block)
        for _ in range(self.executor.attempts):
            try:
                return _wait(self._ref, CALL_TIMEOUT_S, f"block {self.block} to {self.method}")
            except (RayActorError, WorkerMissingError) as error:
                lost = error
                self.executor.revive(host, self._generation)
                self._start()
        raise WorkerLostError(
            f"block {self.block}: its actor was lost {self.executor.attempts} times in "
            f"{self.method}; the last time: {str(lost).splitlines()[0]}"
        )

    def _start(self) -> None:
        executor, host = self.executor, self.executor.host_of(self.block)
        self._generation = executor.generation(host)
        call = executor.hosts[host].call
        self._ref = call.remote(executor.trial, self.block, self.method, *self.args)


@dataclass(frozen=True)
class ActorShape:
    """What the actors of a trial ask for; trials of one shape can use the same actors."""

    n_actors: int
    cpus: float
    gpus: float


class ActorPool:
    """A coordinator actor and block actors, made by the process that owns them.

    Args:
        shape: how many block actors, and what each asks for.
        group: placement group whose bundle 0 takes the coordinator and bundle i + 1 block actor i;
            None places them freely.
    """

    def __init__(self, shape: ActorShape, group: PlacementGroup | None = None) -> None:
        self.shape, self.group = shape, group
        host = ray.remote(BlockHost)
        self.hosts = [
            host.options(
                num_cpus=shape.cpus,
                num_gpus=shape.gpus,
                max_restarts=-1,
                max_task_retries=0,
                scheduling_strategy=self._bundle(index + 1),
            ).remote()
            for index in range(shape.n_actors)
        ]
        self.coordinator = (
            ray.remote(CoordinatorHost)
            .options(num_cpus=0, scheduling_strategy=self._bundle(0))
            .remote()
        )

    def launch(self, plan: Plan, cut: Cut) -> Iterator[Iteration]:
        """Runs a plan on the pool; the launcher of trials on a cluster.

        The images stay in this process but for what each actor is given of them.

        Raises:
            WaitTimeoutError: if the actors do not start in time.
        """
        shape = self.shape
        _wait_for_actor(
            lambda: [host.pid.remote() for host in self.hosts],
            f"{shape.n_actors} actors of {shape.cpus:g} CPUs and {shape.gpus:g} GPUs each",
        )
        executor = self._executor(cut(plan.tiles))
        tiles = ray.get(self.coordinator.start.remote(plan, executor))
        while True:
            if tiles is not None:
                executor = self._executor(cut(tiles))
            record, tiles = ray.get(self.coordinator.iterate.remote(executor))
            yield record
            if record.last:
                return

    def _executor(self, setups: Sequence[BlockSetup]) -> RayExecutor:
        executor = RayExecutor(self.hosts, [ray.put(s) for s in setups])
        executor.build()
        return executor

    def close(self) -> None:
        """Ends the actors."""
        for actor in (*self.hosts, self.coordinator):
            ray.kill(actor)

    def _bundle(self, index: int) -> PlacementGroupSchedulingStrategy | str:
        if self.group is None:
            return "DEFAULT"
        return PlacementGroupSchedulingStrategy(self.group, placement_group_bundle_index=index)


_pools: dict[tuple[ActorShape, str], ActorPool] = {}


def pool_of(shape: ActorShape, group: PlacementGroup) -> ActorPool:
    """The pool of this process for a shape and a group: made once, used by many trials."""
    key = (shape, group.id.hex())
    if key not in _pools:
        for pool in _pools.values():
            pool.close()
        _pools.clear()
        _pools[key] = ActorPool(shape, group)
    return _pools[key]


def local_cause(error: BaseException) -> BaseException:
    """What was raised in the remote process, without the wrappers that Ray adds on the way."""
    while isinstance(error, RayTaskError) and error.cause is not None:
        error = error.cause
    return error


def _wait(references: Any, timeout_s: float, what: str) -> Any:
    try:
        return ray.get(references, timeout=timeout_s)
    except GetTimeoutError as error:
        raise WaitTimeoutError(f"waited {timeout_s:g} s for {what}, in vain") from error


def _wait_for_actor(call: Callable[[], list[Any]], what: str) -> None:
    """Repeats calls until the actor that Ray starts, or starts again, has answered them all."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            _wait(call(), max(0.1, deadline - time.monotonic()), what)
        except RayActorError:
            time.sleep(_RETRY_PAUSE_S)
        else:
            return

"""The engine on Ray: actors made of the plain classes, and the trial that they run together."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, ObjectLostError, RayActorError
from ray.util.placement_group import PlacementGroup
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from raytd.engine.block import BlockSetup
from raytd.engine.checkpoints import CheckpointSettings
from raytd.engine.coordinator import Coordinator, Cut, Step, Tell, iterations
from raytd.engine.executor_protocol import Executor
from raytd.engine.on_ray.executor import (
    LIMITS,
    BlockHost,
    Limits,
    RayExecutor,
    WorkerMissingError,
    local_cause,
    wait_for_actor,
    wake,
)
from raytd.engine.on_ray.metrics import count_loss
from raytd.engine.records import Iteration, Plan
from raytd.errors import WaitTimeoutError, WorkerLostError
from raytd.transport.tiles import Tiles
from raytd.words import counted


@dataclass(frozen=True)
class Watch:
    """Looks at where a trial is while it runs; a look takes about a millisecond.

    Attributes:
        tell: called with iteration and segment.
        every_s: seconds between two looks.
    """

    tell: Callable[[tuple[int, int]], None] = lambda _: None
    every_s: float = 10.0


WATCH = Watch()

_USAGE_S = 5.0


class CoordinatorLostError(Exception):
    """The actor of the coordinator is gone, or does not answer; the message says which."""


class CoordinatorHost:
    """The actor that holds the coordinator of one trial at a time."""

    def __init__(self) -> None:
        self._coordinator: Coordinator | None = None

    @ray.method(concurrency_group="health")  # type: ignore[untyped-decorator]
    def ping(self) -> int:
        """The actor's process; answers whatever else is under way."""
        return os.getpid()

    @ray.method(concurrency_group="health")  # type: ignore[untyped-decorator]
    def place(self) -> tuple[int, int] | None:
        """Iteration and segment that are under way, None before there are any; likewise."""
        return None if self._coordinator is None else self._coordinator.place

    def resume(self, plan: Plan, checkpoints: CheckpointSettings | None) -> Step:
        """Begins a trial, or goes on from its checkpoint; see `Coordinator.resume`."""
        self._coordinator = None
        coordinator = Coordinator(plan, checkpoints)
        step = coordinator.resume()
        self._coordinator = coordinator
        return step

    def call(self, method: str, executor: RayExecutor) -> Step:
        """Calls `start` or `iterate` of the coordinator; an error takes the notes along."""
        if self._coordinator is None:
            raise WorkerMissingError("the coordinator")
        try:
            step: Step = getattr(self._coordinator, method)(executor)
        except Exception as error:
            for note in executor.notes:
                error.add_note(note)
            raise
        return replace(step, notes=(*step.notes, *executor.notes))


@dataclass(frozen=True)
class RemoteCoordinator:
    """A coordinator in an actor, as a `Coordination`.

    Every method raises `CoordinatorLostError` if the actor is lost or hangs.
    """

    actor: Any
    plan: Plan
    checkpoints: CheckpointSettings | None
    limits: Limits
    watch: Watch = WATCH

    @property
    def tiles(self) -> Tiles:
        """Those of the plan."""
        return self.plan.tiles

    def resume(self) -> Step:
        """See `Coordinator.resume`."""
        return self._answer(self.actor.resume.remote(self.plan, self.checkpoints))

    def start(self, executor: Executor) -> Step:
        """See `Coordinator.start`."""
        return self._answer(self.actor.call.remote("start", executor))

    def iterate(self, executor: Executor) -> Step:
        """See `Coordinator.iterate`."""
        return self._answer(self.actor.call.remote("iterate", executor))

    def _answer(self, reference: Any) -> Step:
        """Waits for as long as the actor lives: what it waits for has limits of its own."""
        try:
            while not ray.wait([reference], timeout=self.watch.every_s)[0]:
                place = ray.get(self.actor.place.remote(), timeout=self.limits.call_s)
                if place is not None:
                    self.watch.tell(place)
            step: Step = ray.get(reference)
        except GetTimeoutError as error:
            ray.kill(self.actor, no_restart=False)
            raise CoordinatorLostError(f"gave no sign for {self.limits.call_s:g} s") from error
        except (RayActorError, ObjectLostError, WorkerMissingError) as error:
            if not isinstance(local_cause(error), RayActorError | WorkerMissingError):
                raise
            raise CoordinatorLostError("was lost") from error
        return step


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
        sweep: for which metrics are counted; none are without it.

    Attributes:
        closed: whether the actors have been ended.
    """

    def __init__(
        self, shape: ActorShape, group: PlacementGroup | None = None, sweep: str = ""
    ) -> None:
        self.shape, self.group, self.sweep = shape, group, sweep
        self.closed = self._placed = False
        lasting = {"max_restarts": -1, "max_task_retries": 0}
        host = ray.remote(BlockHost)
        self.hosts = [
            host.options(
                num_cpus=shape.cpus,
                num_gpus=shape.gpus,
                scheduling_strategy=self._bundle(index + 1),
                **lasting,
            ).remote()
            for index in range(shape.n_actors)
        ]
        self.coordinator = (
            ray.remote(concurrency_groups={"health": 1})(CoordinatorHost)
            .options(num_cpus=0, scheduling_strategy=self._bundle(0), **lasting)
            .remote()
        )

    def launch(  # noqa: PLR0913
        self,
        plan: Plan,
        cut: Cut,
        *,
        checkpoints: CheckpointSettings | None = None,
        limits: Limits = LIMITS,
        tell: Tell = lambda _: None,
        watch: Watch = WATCH,
    ) -> Iterator[Iteration]:
        """Runs a plan on the pool; the launcher of trials on a cluster.

        The images stay in this process but for what each actor is given of them. A coordinator that
        is lost is made again and goes on from the last checkpoint; iterations that it repeats have
        the same bits and are not yielded again.

        Raises:
            WaitTimeoutError: if the actors do not start in time; the pool is closed.
            WorkerLostError: if an actor is lost again and again.
        """
        try:
            yield from self._launch(plan, cut, checkpoints, limits, tell, watch)
        except Exception as error:
            cause = local_cause(error)
            for note in getattr(cause, "__notes__", ()):
                tell(note)
            if isinstance(cause, WaitTimeoutError):
                self.close()
            raise

    def _launch(  # noqa: PLR0913
        self,
        plan: Plan,
        cut: Cut,
        checkpoints: CheckpointSettings | None,
        limits: Limits,
        tell: Tell,
        watch: Watch,
    ) -> Iterator[Iteration]:
        coordinator = RemoteCoordinator(self.coordinator, plan, checkpoints, limits, watch)
        n_yielded = n_losses = 0
        while True:
            try:
                self._wait_for_actors(limits, tell)
                for record in iterations(
                    coordinator, cut, lambda setups: self._executor(setups, limits, tell), tell=tell
                ):
                    if record.iteration == n_yielded:
                        yield record
                        n_yielded, n_losses = n_yielded + 1, 0
                return
            except CoordinatorLostError as error:
                n_losses += 1
                count_loss(self.sweep, "coordinator")
                if n_losses == limits.attempts:
                    raise WorkerLostError(
                        f"the coordinator's actor was lost {n_losses} times in iteration "
                        f"{n_yielded}; the last time it {error}"
                    ) from error
                tell(f"the coordinator's actor {error} in iteration {n_yielded}; made again")

    def _wait_for_actors(self, limits: Limits, tell: Tell) -> None:
        """Waits quietly until all have a place, the first time; later ones that hang are killed."""
        if self._placed:
            wake("the coordinator's actor", self.coordinator, self.coordinator.ping, limits, tell)
            for index, host in enumerate(self.hosts):
                wake(f"block actor {index}", host, host.pid, limits, tell)
            return
        shape = self.shape
        wait_for_actor(
            lambda: [host.pid.remote() for host in self.hosts],
            limits.wait_s,
            f"{counted(shape.n_actors, 'actor')} of {counted(shape.cpus, 'CPU')} and "
            f"{counted(shape.gpus, 'GPU')} each",
        )
        wait_for_actor(
            lambda: [self.coordinator.ping.remote()],
            limits.wait_s,
            "the coordinator's actor to be placed and to start",
        )
        self._placed = True

    def _executor(self, setups: Sequence[BlockSetup], limits: Limits, tell: Tell) -> RayExecutor:
        executor = RayExecutor(
            self.hosts, [ray.put(s) for s in setups], limits=limits, sweep=self.sweep
        )
        try:
            executor.build()
        finally:
            for note in executor.notes:
                tell(note)
            executor.notes.clear()  # the coordinator gets a copy, and tells what it adds
        return executor

    def usage(self) -> dict[str, float]:
        """What the block actors have used, as `system/actor_<index>/<figure>`.

        Between two iterations they have nothing to do and answer at once; those of a pool that is
        being repaired are left out.
        """
        asked = [host.usage.remote() for host in self.hosts]
        ready, _ = ray.wait(asked, num_returns=len(asked), timeout=_USAGE_S)
        figures: dict[str, float] = {}
        for index, reference in enumerate(asked):
            if reference in ready:
                with suppress(RayActorError):
                    read = ray.get(reference)
                    figures |= {f"system/actor_{index}/{name}": v for name, v in read.items()}
        return figures

    def close(self) -> None:
        """Ends the actors."""
        self.closed = True
        for actor in (*self.hosts, self.coordinator):
            ray.kill(actor)

    def _bundle(self, index: int) -> PlacementGroupSchedulingStrategy | str:
        if self.group is None:
            return "DEFAULT"
        return PlacementGroupSchedulingStrategy(self.group, placement_group_bundle_index=index)


_pools: dict[tuple[ActorShape, str], ActorPool] = {}


def pool_of(shape: ActorShape, group: PlacementGroup, sweep: str) -> ActorPool:
    """The pool of this process for a shape and a group: made once, used by trials of a sweep."""
    key = (shape, group.id.hex())
    if key not in _pools or _pools[key].closed:
        for pool in _pools.values():
            pool.close()
        _pools.clear()
        _pools[key] = ActorPool(shape, group, sweep)
    return _pools[key]

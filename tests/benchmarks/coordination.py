"""What a knot costs beside the workers' own arithmetic, as a function of blocks and actors.

Run: python tests/benchmarks/coordination.py [--blocks 2 4 8 16] [--actors 2] [--model wrn-16-4]

Real workers on tiny images: one SGD step on two pairs a segment, tiles of 2 × 2. Coordinator and
executor are those of a trial; the coordinator runs in this process, so that it can be watched.

Milliseconds a knot: `wall`; `workers`, processor time of all workers' own calls; `put`, `submit`,
`fetch`, `average`, what the coordinator spends on each; `cpu`, processor time of its thread in all.
`moved`: MB a knot that are put or fetched.
"""

import argparse
import pickle
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import ray
from machine import machine
from made_trial import SEGMENTS, made_trial

from raytd.engine import measured_path
from raytd.engine.coordinator import Coordinator
from raytd.engine.on_ray.executor import BlockHost, RayCall, RayExecutor
from raytd.engine.records import Plan
from raytd.transfer.averaging import Moved

TILE = 2


class TimedHost(BlockHost):
    """A host that knows how long its workers have computed, in seconds of the processor."""

    busy_s = 0.0

    def call(self, trial: str, block: int, method: str, *args: Any) -> Any:
        """As `BlockHost.call`."""
        began = time.process_time()
        try:
            return super().call(trial, block, method, *args)
        finally:
            self.busy_s += time.process_time() - began

    def busy(self) -> float:
        """What the workers have computed."""
        return self.busy_s


class Clock:
    """Seconds and bytes by name."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.bytes: defaultdict[str, int] = defaultdict(int)
        self._sizes: dict[str, int] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Adds what the block takes."""
        began = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - began

    def moved(self, name: str, value: Any) -> None:
        """Adds the size of a value; that of the first of its name stands for all."""
        if name not in self._sizes:
            with self.timed("sizing"):
                self._sizes[name] = len(pickle.dumps(value, protocol=5))
        self.bytes[name] += self._sizes[name]


class TimedExecutor(RayExecutor):
    """Tells what is put and what is fetched from what is waited for."""

    clock: Clock

    def share(self, value: Any) -> Any:
        """As `RayExecutor.share`."""
        self.clock.moved(f"share {type(value).__name__}", value)
        with self.clock.timed("put"):
            return super().share(value)

    def submit(self, block: int, method: str, *args: Any) -> RayCall:
        """As `RayExecutor.submit`."""
        with self.clock.timed("submit"):
            return TimedCall(self, block, method, args)


class TimedCall(RayCall):
    """Waits first, then fetches."""

    def result(self) -> Any:
        """As `RayCall.result`."""
        clock = self.executor.clock  # type: ignore[attr-defined]
        with clock.timed("wait"):
            ray.wait([self._ref], fetch_local=False)
        with clock.timed("fetch"):
            value = super().result()
        clock.moved(self.method, value)
        return value


def measure(n_blocks: int, n_actors: int, model: str) -> dict[str, float]:
    """One trajectory; milliseconds and megabytes a knot."""
    prepared = made_trial(
        model=model, n=TILE * n_blocks, shape=(1, 8, 8), blocks=n_blocks, tile_size=TILE
    )
    host = ray.remote(TimedHost).options(num_cpus=0.01)
    hosts = [host.remote() for _ in range(n_actors)]
    ray.get([h.pid.remote() for h in hosts])
    clock = Clock()
    average = measured_path.average_moved

    def timed_average(moved: Iterator[Moved], masses: list[float]) -> Moved:
        elsewhere = clock.seconds["wait"] + clock.seconds["fetch"] + clock.seconds["sizing"]
        with clock.timed("average"):
            mean = average(moved, masses)
        now = clock.seconds["wait"] + clock.seconds["fetch"] + clock.seconds["sizing"]
        clock.seconds["average"] -= now - elsewhere
        return mean

    executor = TimedExecutor(hosts, [ray.put(s) for s in prepared.cut(prepared.plan.tiles)])
    executor.clock = clock
    executor.build()
    # A trajectory as all but the last: that one stands still at some knots besides.
    coordinator = Coordinator(replace(prepared.plan, iterations=2))
    coordinator.start(executor)
    measured_path.average_moved = timed_average
    busy_before = busy_s(hosts)
    try:
        clock_at, cpu_at = time.perf_counter(), time.thread_time()
        coordinator.iterate(executor)
        wall, cpu = time.perf_counter() - clock_at, time.thread_time() - cpu_at
    finally:
        measured_path.average_moved = average
    busy = busy_s(hosts) - busy_before
    for handle in hosts:
        ray.kill(handle)
    ms = {name: 1000 * s / SEGMENTS for name, s in clock.seconds.items()}
    return {
        "wall": 1000 * wall / SEGMENTS - ms["sizing"],
        "workers": 1000 * busy / SEGMENTS,
        **{name: ms[name] for name in ("put", "submit", "fetch", "average")},
        "cpu": 1000 * cpu / SEGMENTS - ms["sizing"],
        "moved": sum(clock.bytes.values()) / SEGMENTS / 1e6,
    }


def busy_s(hosts: list[Any]) -> float:
    """What all workers have computed so far."""
    return float(sum(ray.get([h.busy.remote() for h in hosts])))


def state_mb(plan: Plan) -> float:
    """Parameters, buffers and momentum."""
    parameters = sum(p.nbytes for p in plan.start.parameters.values())
    return (2 * parameters + sum(b.nbytes for b in plan.start.buffers.values())) / 1e6


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--blocks", type=int, nargs="+", default=[2, 4, 8, 16, 32, 64])
    parser.add_argument("--actors", type=int, nargs="+", default=[2])
    parser.add_argument("--model", default="wrn-16-4")
    asked = parser.parse_args()
    print(machine())
    plan = made_trial(model=asked.model, n=4, shape=(1, 8, 8), blocks=1, tile_size=TILE).plan
    print(f"{asked.model}: a state (weights, buffers, momentum) has {state_mb(plan):.1f} MB")
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False,
             logging_level="ERROR", object_store_memory=3 * 10**9)  # fmt: skip
    heads = ("wall", "workers", "put", "submit", "fetch", "average", "cpu", "moved")
    print("blocks actors" + "".join(f"{h:>9}" for h in heads), flush=True)
    for n_actors in asked.actors:
        for n_blocks in asked.blocks:
            if n_actors <= n_blocks:
                row = measure(n_blocks, n_actors, asked.model)
                print(f"{n_blocks:6d} {n_actors:6d}" + "".join(f"{row[h]:9.1f}" for h in heads),
                      flush=True)  # fmt: skip
    ray.shutdown()


if __name__ == "__main__":
    main()

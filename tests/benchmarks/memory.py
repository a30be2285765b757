"""Memory of coordinator and block actors as a function of images and blocks, beside the arithmetic.

Run: python tests/benchmarks/memory.py [--images 1000 4000 16000] [--blocks 1 4] [--size 8]

A trajectory of real workers, coordinator and pool on made images, one process for each. What a
process holds by itself (USS, at its greatest) is compared with what it holds before the trial.
"""

import argparse
import time
from dataclasses import dataclass
from typing import Any

import ray
from machine import machine
from made_trial import N_CLASSES, SEGMENTS, made_trial
from memory_use import Peak, unique_mib

from raytd.engine.on_ray.pool import ActorPool, ActorShape
from raytd.transfer.lengths import strides

MODEL, TILE, CHANNELS = "cnn8-narrow", 5, 3
KNOWN = len(strides(SEGMENTS)) + 4
"""Tables of log probabilities that a worker holds at once, at most; see `BlockWorker`."""


@dataclass(frozen=True)
class Arrays:
    """What the arrays ought to take, in MiB.

    Attributes:
        actor: images as float32, and log probabilities of every pair and class at some knots.
        coordinator: coupling, costs, and one of each on its way, 8 bytes a pair.
        driver: images as bytes that are cut for the workers.
    """

    actor: float
    coordinator: float
    driver: float


def arrays(*, n: int, blocks: int, tile: int, image: int, classes: int) -> Arrays:
    """Arithmetic for n images on either side, dealt into tiles of side `tile`.

    Args:
        n: training images of each task.
        blocks: dealt to one actor each.
        tile: side of a tile.
        image: values of an image.
        classes: outputs of the network.
    """
    pairs = n * tile
    return Arrays(
        actor=(2 * n * image * 4 + KNOWN * 8 * pairs * classes) / blocks / 2**20,
        coordinator=4 * 8 * pairs / 2**20,
        driver=2 * n * image / 2**20,
    )


def measure(n: int, blocks: int, size: int) -> dict[str, float]:
    """One trajectory; what every role grew by, in MiB, and seconds."""
    prepared = made_trial(
        model=MODEL, n=n, shape=(CHANNELS, size, size), blocks=blocks, tile_size=TILE
    )
    pool = ActorPool(ActorShape(blocks, cpus=0.1, gpus=0))
    pids = ray.get([a.pid.remote() for a in pool.hosts] + [pool.coordinator.ping.remote()])
    before = {pid: unique_mib(pid) for pid in pids}
    began = time.perf_counter()
    with Peak(pids) as peak:
        list(pool.launch(prepared.plan, prepared.cut))
    seconds = time.perf_counter() - began
    pool.close()
    grown = {pid: peak.unique[pid] - before[pid] for pid in pids}
    return {
        "actor": max(grown[pid] for pid in pids[:-1]),
        "coordinator": grown[pids[-1]],
        "seconds": seconds,
    }


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, nargs="+", default=[1000, 4000, 16000])
    parser.add_argument("--blocks", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--size", type=int, default=8)
    asked = parser.parse_args()
    print(machine())
    print(f"{MODEL}, images {CHANNELS}×{asked.size}×{asked.size}, tiles of {TILE}; MiB")
    local: dict[str, Any] = {"num_cpus": 2, "include_dashboard": False, "log_to_driver": False}
    ray.init(address="local", logging_level="ERROR", object_store_memory=10**9, **local)
    print("images blocks    actor  arrays   coordinator  arrays        s")
    for n in asked.images:
        for blocks in asked.blocks:
            ought = arrays(n=n, blocks=blocks, tile=TILE, image=CHANNELS * asked.size**2,
                           classes=2 * N_CLASSES)  # fmt: skip
            row = measure(n, blocks, asked.size)
            print(f"{n:6d} {blocks:6d} {row['actor']:8.0f} {ought.actor:7.0f} "
                  f"{row['coordinator']:13.0f} {ought.coordinator:7.0f} {row['seconds']:8.0f}",
                  flush=True)  # fmt: skip
    ray.shutdown()


if __name__ == "__main__":
    main()

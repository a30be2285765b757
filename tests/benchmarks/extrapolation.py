"""What a knot moves and takes on a cluster that is not there: arithmetic, with measured rates.

Run: python tests/benchmarks/extrapolation.py [--gpus 1000] [--images 1200000] [--gbit 10]
     [--block-ms 7.5] [--images-per-s 10000] [--steps 10000] [--batch 100]
"""

import argparse
import math
from dataclasses import dataclass

from raytd.transfer.lengths import starts, strides

STATE = 22.0e6
"""Bytes of wrn-16-4's parameters, buffers and momentum."""

WIDTH = 256
"""Of the features of wrn-16-4."""

GROWTH = 1.5
"""What a worker grows by, in what its arrays take; measured by memory.py."""

BACKWARD = 2
"""Forward passes that a backward one takes the time of, as a rule."""


@dataclass(frozen=True)
class Load:
    """Bytes and seconds. A knot is one segment: advance, average, measure.

    Attributes:
        actor_memory: images as float32, and log probabilities at some knots.
        actor_in: the average, once a knot and node.
        actor_out: its state, and the costs of its pairs.
        advance_s: of SGD in one knot; the work of an image grows with its size.
        measure_s: of measuring in one knot.
        coordinator_memory: coupling, costs and their like, beside the states.
        coordinator_states: one that is added up, one that comes in, and their sum in float64.
        coordinator_in: a knot.
        transfer_s: of what comes in, through one network card.
        coordinator_s: of its thread, for calls, answers and the average.
        spread_s: of the average to all nodes, when each node that has it passes it on.
        features: at the start, of all images, where the coupling asks for them.
        driver: images as bytes; twice that, with what is cut for the actors.
    """

    actor_memory: float
    actor_in: float
    actor_out: float
    advance_s: float
    measure_s: float
    coordinator_memory: float
    coordinator_states: float
    coordinator_in: float
    transfer_s: float
    coordinator_s: float
    spread_s: float
    features: float
    driver: float


@dataclass(frozen=True)
class Cluster:
    """What the arithmetic assumes of machines.

    Attributes:
        gpus: one block each.
        bytes_per_s: of a network card.
        block_s: of the coordinator's thread, a block and knot; measured by coordination.py.
        images_per_s: of 32×32×3 that one GPU passes forward, assumed.
    """

    gpus: int
    bytes_per_s: float
    block_s: float
    images_per_s: float


@dataclass(frozen=True)
class Asked:
    """A trial.

    Attributes:
        n: training images of each task.
        image: values of an image.
        classes: outputs of the network.
        tile: side of a tile.
        segments: of the path.
        steps: of SGD, of every block.
        batch: pairs of a step.
    """

    n: int
    image: int
    classes: int = 2000
    tile: int = 25
    segments: int = 100
    steps: int = 10_000
    batch: int = 100


def load(cluster: Cluster, asked: Asked) -> Load:
    """What a trial asks of the machines."""
    n, image, segments = asked.n, asked.image, asked.segments
    pairs = n * asked.tile / cluster.gpus
    costs = 8 * pairs
    into_coordinator = cluster.gpus * (STATE + costs)
    tables = len(strides(segments)) + 4  # of log probabilities, at most; see `BlockWorker`
    # A segment takes a pass at either end; a longer one knows the first from the shortest one.
    passes = segments + sum(len(starts(stride, segments)) for stride in strides(segments))
    image_s = image / (3 * 32**2) / cluster.images_per_s
    return Load(
        actor_memory=GROWTH
        * (2 * n / cluster.gpus * image * 4 + tables * 8 * pairs * asked.classes),
        actor_in=STATE,
        actor_out=STATE + costs,
        advance_s=(1 + BACKWARD) * asked.steps / segments * asked.batch * image_s,
        measure_s=passes / segments * pairs * image_s,
        coordinator_memory=4 * 8 * n * asked.tile,
        coordinator_states=4 * STATE,
        coordinator_in=into_coordinator,
        transfer_s=into_coordinator / cluster.bytes_per_s,
        coordinator_s=cluster.gpus * cluster.block_s,
        spread_s=math.ceil(math.log2(cluster.gpus + 1)) * STATE / cluster.bytes_per_s,
        features=2 * n * WIDTH * 8,
        driver=2 * n * image,
    )


def shown(value: float, name: str) -> str:
    """With its unit."""
    return f"{value:.1f} s" if name.endswith("_s") else f"{value / 1e9:.2f} GB"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gpus", type=int, default=1000)
    parser.add_argument("--images", type=int, default=1_200_000)
    parser.add_argument("--gbit", type=float, default=10)
    parser.add_argument("--block-ms", type=float, default=7.5)
    parser.add_argument("--images-per-s", type=float, default=10_000)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=100)
    given = parser.parse_args()
    cluster = Cluster(given.gpus, given.gbit * 1e9 / 8, given.block_ms / 1e3, given.images_per_s)
    loads = [
        load(
            cluster,
            Asked(n=given.images, image=3 * side**2, steps=given.steps, batch=given.batch),
        )
        for side in (32, 224)
    ]
    print(f"{given.gpus} GPUs, {given.images} images on either side, {given.gbit:g} Gbit/s")
    print(f"{'':<20}{'32×32×3':>14}{'224×224×3':>14}")
    for name in Load.__dataclass_fields__:
        values = [shown(getattr(one, name), name) for one in loads]
        print(f"{name:<20}" + "".join(f"{v:>14}" for v in values))


if __name__ == "__main__":
    main()

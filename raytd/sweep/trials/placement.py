"""What a trial asks of the cluster, and how often its nodes have room for that."""

from collections.abc import Sequence
from typing import NamedTuple

from raytd.methods.registry import METHODS
from raytd.sweep.cluster.connection import Node
from raytd.sweep.trials.expand import TrialConfig

COORDINATOR_CPUS = 0.5
"""CPUs of the trial function and its coordinator, which wait most of the time."""

ROUNDING = 1e-9
"""What sums and quotients of fractions may be off."""


class Shape(NamedTuple):
    """What a trial asks for.

    Attributes:
        n: processes that compute.
        gpus: of each of them.
        cpus: likewise.
        beside: CPUs of the trial itself, where block actors compute for it; else 0.
    """

    n: int
    gpus: float
    cpus: float
    beside: float

    @property
    def bundles(self) -> list[Node]:
        """Of its placement group: the trial itself has the first."""
        first = [{"CPU": self.beside}] if self.beside else []
        return [*first, *[self.worker] * self.n]

    @property
    def worker(self) -> Node:
        """What a process that computes has."""
        asked = {"CPU": self.cpus, "GPU": self.gpus}
        return {kind: amount for kind, amount in asked.items() if amount > 0}


def shape_of(config: TrialConfig) -> Shape:
    """A method on blocks has actors beside the trial's process; else that process computes."""
    resources = config.resources
    processes = METHODS[config.method].processes(config.settings, resources)
    beside = COORDINATOR_CPUS if processes.coordinator else 0.0
    return Shape(processes.computing, resources.gpus, float(resources.cpus_per_actor), beside)


def bundles(config: TrialConfig) -> list[Node]:
    """What a trial's placement group asks for.

    Bundle 0 takes the trial: with its coordinator where each further one takes a block actor, else
    by itself.
    """
    return shape_of(config).bundles


def room(shape: Shape, nodes: Sequence[Node]) -> int:
    """How many processes like those of a shape the nodes have room for, beside the trial itself.

    Ray places the bundles of a group by size, those with GPUs before all others. A trial that is
    larger than its actors is placed before them, on any node: what fits then is what counts.
    """
    n_by_node = [places(shape.worker, node) for node in nodes]
    rooms = [
        sum(n_by_node) - n_here + places(shape.worker, node | {"CPU": left})
        for n_here, node in zip(n_by_node, nodes, strict=True)
        if (left := node.get("CPU", 0.0) - shape.beside) >= 0
    ]
    trial_first = not shape.gpus and shape.beside > shape.cpus
    return (min if trial_first else max)(rooms, default=0)


def places(bundle: Node, node: Node) -> int:
    """How many such bundles a node has room for; a part of a GPU is never of two GPUs."""
    return min(
        int(node.get(kind, 0.0)) * int(1 / each + ROUNDING)
        if kind == "GPU" and each < 1
        else int(node.get(kind, 0.0) / each + ROUNDING)
        for kind, each in bundle.items()
    )


def trials_at_once(config: TrialConfig, nodes: Sequence[Node]) -> int:
    """How many trials of one shape the cluster can place side by side; at least one.

    Bundles are dealt to the nodes one after another, as a packing scheduler does.
    """
    wanted = bundles(config)
    free, placed = [dict(node) for node in nodes], 0
    while all(take(free, bundle) for bundle in wanted):
        placed += 1
    return max(1, placed)


def take(free: list[Node], bundle: Node) -> bool:
    """Takes a bundle from the first node that has it; False if none has."""
    for node in free:
        if all(node.get(kind, 0.0) >= amount - ROUNDING for kind, amount in bundle.items()):
            for kind, amount in bundle.items():
                node[kind] = node.get(kind, 0.0) - amount
            return True
    return False

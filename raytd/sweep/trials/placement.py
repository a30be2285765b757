"""What a trial asks of the cluster, and whether the cluster can ever place it."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from raytd.methods.registry import METHODS
from raytd.sweep.cluster.connection import Node
from raytd.sweep.trials.expand import TrialConfig
from raytd.words import counted

CanAdd = Callable[[Sequence[dict[str, float]]], bool]

COORDINATOR_CPUS = 0.5
"""CPUs of the trial function and its coordinator, which wait most of the time."""

_ROUNDING = 1e-9
"""What sums and quotients of fractions may be off."""


def resource_problems(
    configs: Sequence[TrialConfig], nodes: Sequence[Node], can_add: CanAdd | None = None
) -> list[str]:
    """What the cluster can never place, in words.

    Args:
        configs: of the trials.
        nodes: what the living nodes have.
        can_add: whether the cluster can grow until some bundles fit; None: it cannot.
    """
    problems: dict[str, None] = {}
    for shape in {_shape(config): None for config in configs}:
        lacking = _lacking(shape, nodes)
        if lacking and not (can_add and can_add(shape.bundles)):
            problems |= dict.fromkeys(lacking)
    return list(problems)


class _Shape(NamedTuple):
    """What a trial asks for: n processes that compute, each with GPUs and CPUs, and CPUs beside."""

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


def _shape(config: TrialConfig) -> _Shape:
    """A method on blocks has actors beside the trial's process; else that process computes."""
    resources = config.resources
    processes = METHODS[config.method].processes(config.settings, resources)
    beside = COORDINATOR_CPUS if processes.coordinator else 0.0
    gpus, cpus = float(resources.gpus_per_actor), float(resources.cpus_per_actor)
    return _Shape(processes.computing, gpus, cpus, beside)


def bundles(config: TrialConfig) -> list[Node]:
    """What a trial's placement group asks for.

    Bundle 0 takes the trial: with its coordinator where each further one takes a block actor, else
    by itself.
    """
    return _shape(config).bundles


def _lacking(shape: _Shape, nodes: Sequence[Node]) -> list[str]:
    """What the living nodes cannot place, in words."""
    problems, n = [], shape.n
    for kind, each, extra in (("GPU", shape.gpus, 0.0), ("CPU", shape.cpus, shape.beside)):
        total = sum(node.get(kind, 0.0) for node in nodes)
        whole = [int(node.get(kind, 0.0) / each + _ROUNDING) for node in nodes] if each else [n]
        if sum(whole) < n or total < n * each + extra - _ROUNDING:
            problems.append(_too_much(kind, n, each, extra, total))
    if not problems and (n_placed := _n_placed(shape, nodes)) < n:
        problems.append(_does_not_fit(shape, n_placed))
    return problems


def _n_placed(shape: _Shape, nodes: Sequence[Node]) -> int:
    """For how many of the processes there is room on the nodes, with what is beside them on one."""
    n_by_node = [_places(shape.worker, node) for node in nodes]
    return max(
        (
            sum(n_by_node) - n_here + _places(shape.worker, node | {"CPU": left})
            for n_here, node in zip(n_by_node, nodes, strict=True)
            if (left := node.get("CPU", 0.0) - shape.beside) >= 0
        ),
        default=0,
    )


def _places(bundle: Node, node: Node) -> int:
    """How many such bundles a node has room for; a part of a GPU is never of two GPUs."""
    return min(
        int(node.get(kind, 0.0)) * int(1 / each + _ROUNDING)
        if kind == "GPU" and each < 1
        else int(node.get(kind, 0.0) / each + _ROUNDING)
        for kind, each in bundle.items()
    )


def _does_not_fit(shape: _Shape, n_placed: int) -> str:
    """Why nodes that have enough in all cannot place a trial, and what to do."""
    each = " and ".join(counted(n, kind) for kind, n in shape.worker.items())
    beside = f", and {counted(shape.beside, 'CPU')} beside them" if shape.beside else ""
    way_out = "a smaller resources.cpus_per_actor"
    if n_placed:
        way_out = f"resources.actors={n_placed} (same answer, slower) or {way_out}"
    return (
        f"the plan needs {counted(shape.n, 'actor')} for one trial, each with {each} of one "
        f"node{beside}; the nodes have enough in all, but room for {n_placed} of them. "
        f"Set {way_out}."
    )


def _too_much(kind: str, n_actors: int, each: float, extra: float, total: float) -> str:
    wanted = n_actors * each + extra
    parts = f"{counted(n_actors, 'actor')} × {counted(each, kind)}"
    parts += f" + {extra:g}" if extra else ""
    option = f"resources.{kind.lower()}s_per_actor"
    enough = math.floor(100 * (total - extra) / n_actors) / 100
    way_out = f"fewer resources.actors (same answer, slower) or a smaller {option}"
    if kind == "GPU" and total == 0:
        way_out = f"{option}=0 to run on CPUs"
    elif enough > 0:
        way_out = f"fewer resources.actors (same answer, slower) or {option}={enough:g}"
    return (
        f"the plan needs {counted(wanted, kind)} for one trial ({parts}); the cluster has "
        f"{total:g}. Set {way_out}."
    )


def trials_at_once(config: TrialConfig, nodes: Sequence[Node]) -> int:
    """How many trials of one shape the cluster can place side by side; at least one.

    Bundles are dealt to the nodes one after another, as a packing scheduler does.
    """
    wanted = bundles(config)
    free, placed = [dict(node) for node in nodes], 0
    while all(_take(free, bundle) for bundle in wanted):
        placed += 1
    return max(1, placed)


def _take(free: list[Node], bundle: Node) -> bool:
    """Takes a bundle from the first node that has it; False if none has."""
    for node in free:
        if all(node.get(kind, 0.0) >= amount - _ROUNDING for kind, amount in bundle.items()):
            for kind, amount in bundle.items():
                node[kind] = node.get(kind, 0.0) - amount
            return True
    return False

"""What a trial asks of the cluster, and whether the cluster can ever place it."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from raytd.methods.registry import METHODS
from raytd.sweep.cluster import Node
from raytd.sweep.expand import TrialConfig

CanAdd = Callable[[Sequence[dict[str, float]]], bool]

COORDINATOR_CPUS = 0.5
"""CPUs of the trial function and its coordinator, which wait most of the time."""


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
        worker = {"CPU": self.cpus, "GPU": self.gpus}
        worker = {kind: amount for kind, amount in worker.items() if amount > 0}
        first = [{"CPU": self.beside}] if self.beside else []
        return [*first, *[worker] * self.n]


def _shape(config: TrialConfig) -> _Shape:
    """A method on blocks has actors beside the trial's process; else that process computes."""
    resources = config.resources
    beside = COORDINATOR_CPUS if METHODS[config.method].on_blocks else 0.0
    gpus, cpus = float(resources.gpus_per_actor), float(resources.cpus_per_actor)
    return _Shape(config.n_workers, gpus, cpus, beside)


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
        places = sum(int(node.get(kind, 0.0) / each) for node in nodes) if each else n
        if places < n or total < n * each + extra:
            problems.append(_too_much(kind, n, each, extra, total))
    return problems


def _too_much(kind: str, n_actors: int, each: float, extra: float, total: float) -> str:
    wanted = n_actors * each + extra
    actors = "1 actor" if n_actors == 1 else f"{n_actors} actors"
    parts = f"{actors} × {each:g} {kind}{'' if each == 1 else 's'}"
    parts += f" + {extra:g}" if extra else ""
    option = f"resources.{kind.lower()}s_per_actor"
    enough = math.floor(100 * (total - extra) / n_actors) / 100
    way_out = f"fewer resources.actors (same answer, slower) or a smaller {option}"
    if kind == "GPU" and total == 0:
        way_out = f"{option}=0 to run on CPUs"
    elif enough > 0:
        way_out = f"fewer resources.actors (same answer, slower) or {option}={enough:g}"
    return (
        f"the plan needs {wanted:g} {kind}s for one trial ({parts}); the cluster has {total:g}. "
        f"Set {way_out}."
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
        if all(node.get(kind, 0.0) >= amount - 1e-9 for kind, amount in bundle.items()):
            for kind, amount in bundle.items():
                node[kind] = node.get(kind, 0.0) - amount
            return True
    return False

"""What a trial asks of the cluster, and whether the cluster can ever place it."""

import math
from collections.abc import Sequence

from raytd.sweep.cluster import Node
from raytd.sweep.expand import TrialConfig

COORDINATOR_CPUS = 0.5
"""CPUs of the trial function and its coordinator, which wait most of the time."""


def resource_problems(configs: Sequence[TrialConfig], nodes: Sequence[Node]) -> list[str]:
    """What the cluster can never place, in words."""
    problems: dict[str, None] = {}
    for config in configs:
        resources = config.resources
        n = resources.n_actors(config.settings.blocks)
        for kind, each, extra in (
            ("GPU", resources.gpus_per_actor, 0.0),
            ("CPU", resources.cpus_per_actor, COORDINATOR_CPUS),
        ):
            total = sum(node.get(kind, 0.0) for node in nodes)
            places = sum(int(node.get(kind, 0.0) / each) for node in nodes) if each else n
            if places < n or total < n * each + extra:
                problems[_too_much(kind, n, each, extra, total)] = None
    return list(problems)


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
    resources = config.resources
    n_actors = resources.n_actors(config.settings.blocks)
    actor = {"CPU": resources.cpus_per_actor, "GPU": float(resources.gpus_per_actor)}
    free, placed = [dict(node) for node in nodes], 0
    while all(_take(free, bundle) for bundle in [{"CPU": COORDINATOR_CPUS}] + [actor] * n_actors):
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

"""What is said of a trial that the nodes of a cluster can never place."""

import math
from collections.abc import Sequence

from raytd.engine.config import ResourcesConfig
from raytd.sweep.cluster.connection import Node
from raytd.sweep.trials.placement import ROUNDING, Shape, room
from raytd.words import counted


def lacking(shape: Shape, nodes: Sequence[Node], written: ResourcesConfig) -> list[str]:
    """What nodes lack for a trial, and what to write instead; empty if they can place it.

    Args:
        shape: what the trial asks for at least.
        nodes: what each of them has.
        written: resources as the sweep file has them.
    """
    problems = []
    for kind, each, extra in (("GPU", shape.gpus, 0.0), ("CPU", shape.cpus, shape.beside)):
        total = sum(node.get(kind, 0.0) for node in nodes)
        if not each:
            continue
        whole = sum(int(node.get(kind, 0.0) / each + ROUNDING) for node in nodes)
        if whole < shape.n or total < shape.n * each + extra - ROUNDING:
            problems.append(_too_much(kind, shape, nodes, written))
    if not problems and room(shape, nodes) < shape.n:
        problems.append(_does_not_fit(shape, nodes))
    return problems


def _too_much(kind: str, shape: Shape, nodes: Sequence[Node], written: ResourcesConfig) -> str:
    total = sum(node.get(kind, 0.0) for node in nodes)
    each, extra = (shape.gpus, 0.0) if kind == "GPU" else (shape.cpus, shape.beside)
    parts = f"{counted(shape.n, 'actor')} × {counted(each, kind)}"
    parts += f" + {extra:g}" if extra else ""
    ways = _gpu_ways(total, written) if kind == "GPU" else [_cpu_way(shape, nodes)]
    return (
        f"the plan needs {counted(shape.n * each + extra, kind)} for one trial ({parts}); the "
        f"cluster has {total:g}. {_set(shape, nodes, ways)}"
    )


def _does_not_fit(shape: Shape, nodes: Sequence[Node]) -> str:
    """Why nodes that have enough in all cannot place a trial, and what to do."""
    each = " and ".join(counted(n, kind) for kind, n in shape.worker.items())
    beside = f", and {counted(shape.beside, 'CPU')} beside them" if shape.beside else ""
    return (
        f"the plan needs {counted(shape.n, 'actor')} for one trial, each with {each} of one "
        f"node{beside}; the nodes have enough in all, but room for {room(shape, nodes)} of them. "
        f"{_set(shape, nodes, [_cpu_way(shape, nodes)])}"
    )


def _set(shape: Shape, nodes: Sequence[Node], ways: Sequence[str]) -> str:
    """What to set instead; fewer actors are a way out if one of them fits."""
    fewer = ["resources.actors=auto (as many as fit; same answer, slower)"]
    return f"Set {' or '.join((fewer if room(shape, nodes) else []) + list(ways))}."


def _gpu_ways(total: float, written: ResourcesConfig) -> list[str]:
    if written.gpus_per_actor == "auto":
        return []
    return [f"resources.gpus_per_actor=auto{'' if total else ' to run on CPUs'}"]


def _cpu_way(shape: Shape, nodes: Sequence[Node]) -> str:
    """A share of CPUs with which the trial fits, GPUs that are lacking apart, if one is found."""
    total = sum(node.get("CPU", 0.0) for node in nodes)
    if sum(node.get("GPU", 0.0) for node in nodes) < shape.n * shape.gpus:
        shape = shape._replace(gpus=0.0)
    enough = math.floor(100 * (total - shape.beside) / shape.n + ROUNDING) / 100
    enough = math.floor(enough) if enough > 1 else enough
    if enough > 0 and room(shape._replace(cpus=enough), nodes) >= shape.n:
        return f"resources.cpus_per_actor={enough:g}"
    return "a smaller resources.cpus_per_actor"

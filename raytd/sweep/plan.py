"""The plan of a sweep: its trials with their data, what is done, what is missing, what it takes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from raytd.engine.files import write_bytes, write_json
from raytd.errors import DataError, RequestError
from raytd.sweep.cluster import Node
from raytd.sweep.expand import TrialConfig, expand
from raytd.sweep.layout import SweepSpec
from raytd.sweep.ledger import Ledger, Row
from raytd.sweep.networks import network_problems
from raytd.sweep.trial import Trial
from raytd.tasks import datasets
from raytd.tasks.form import in_words
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import Task, make_task
from raytd.transport.tiles import n_tiles

CanAdd = Callable[[Sequence[dict[str, float]]], bool]

COORDINATOR_CPUS = 0.5
"""CPUs of the trial function and its coordinator, which wait most of the time."""


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep will do.

    Attributes:
        spec: the sweep.
        folder: where its results lie.
        sources: where trained sources lie.
        trials: all of them, in the order of the table.
        done: rows of those that have a result, by trial key.
    """

    spec: SweepSpec
    folder: Path
    sources: Path
    trials: tuple[Trial, ...]
    done: dict[str, Row]

    @property
    def missing(self) -> list[Trial]:
        """Trials without a result, failed ones included."""
        return [t for t in self.trials if t.key not in self.done]


def make_plan(
    spec: SweepSpec,
    *,
    data: Path,
    storage: Path,
    nodes: Sequence[Node],
    can_add: CanAdd | None = None,
    fresh: bool = False,
) -> SweepPlan:
    """Reads the data of a sweep and compares its trials with the ledger; writes nothing.

    Args:
        spec: the sweep.
        data: root of the data sets.
        storage: folder of all sweeps.
        nodes: what the nodes of the cluster have.
        can_add: says whether the cluster could grow until some bundles fit, and makes it; asked
            only for missing trials against which nothing else speaks. None: it cannot.
        fresh: whether finished trials are run again.

    Raises:
        RequestError: with everything that data and cluster say against the sweep.
    """
    tasks, problems = read_tasks(spec.tasks, data, download=spec.data.download)
    configs = expand(spec)
    problems += [] if problems else trial_problems(configs, tasks)
    if problems:
        raise RequestError(problems + resource_problems(configs, nodes))
    ledger = Ledger(storage / spec.name)
    trials = tuple(Trial(c, tasks[c.source], tasks[c.target]) for c in configs)
    rows = {} if fresh else {t.key: ledger.row(t.key) for t in trials}
    done = {key: row for key, row in rows.items() if row is not None and row["status"] == "done"}
    missing = [t.config for t in trials if t.key not in done]
    if problems := resource_problems(missing, nodes, can_add):
        raise RequestError(problems)
    return SweepPlan(spec, ledger.folder, storage / "sources", trials, done)


def read_tasks(
    specs: Sequence[TaskSpec], root: Path, *, download: bool = False
) -> tuple[dict[TaskSpec, Task], list[str]]:
    """Cuts tasks from their data sets, one data set after the other; problems are told in words."""
    by_source: dict[tuple[str, str | None], list[TaskSpec]] = {}
    for spec in specs:
        by_source.setdefault((spec.dataset, spec.known_as), []).append(spec)
    tasks: dict[TaskSpec, Task] = {}
    problems: dict[str, None] = {}
    for (reference, known_as), cut in by_source.items():
        try:
            dataset = datasets.read(reference, root, known_as=known_as, download=download)
        except DataError as error:
            problems[str(error)] = None
            continue
        for spec in cut:
            try:
                tasks[spec] = make_task(spec, dataset)
            except DataError as error:
                problems[str(error)] = None
    return tasks, list(problems)


def resource_problems(
    configs: Sequence[TrialConfig], nodes: Sequence[Node], can_add: CanAdd | None = None
) -> list[str]:
    """What the cluster can never place, in words."""
    problems: dict[str, None] = {}
    shapes = {(c.resources.n_actors(c.settings.blocks), *_each(c)): None for c in configs}
    for n, gpus, cpus in shapes:
        missing = _missing(n, gpus, cpus, nodes)
        bundles = [{"CPU": COORDINATOR_CPUS}, *[{"CPU": cpus, "GPU": gpus}] * n]
        if missing and not (can_add and can_add(bundles)):
            problems |= dict.fromkeys(missing)
    return list(problems)


def _each(config: TrialConfig) -> tuple[float, float]:
    return config.resources.gpus_per_actor, config.resources.cpus_per_actor


def _missing(n: int, gpus: float, cpus: float, nodes: Sequence[Node]) -> list[str]:
    """What the living nodes cannot place of n actors, in words."""
    problems = []
    for kind, each, extra in (("GPU", gpus, 0.0), ("CPU", cpus, COORDINATOR_CPUS)):
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


def trial_problems(configs: Sequence[TrialConfig], tasks: dict[TaskSpec, Task]) -> list[str]:
    """What images and networks say against the trials, in words."""
    return pair_problems(configs, tasks) + network_problems(configs, tasks)


def pair_problems(configs: Sequence[TrialConfig], tasks: dict[TaskSpec, Task]) -> list[str]:
    """What the images of two tasks say against their pair, in words."""
    problems: dict[str, None] = {}
    for config in configs:
        source, target = tasks[config.source], tasks[config.target]
        if source.image_shape != target.image_shape:
            problems[
                f"{source.name} and {target.name} have images of different form "
                f"({in_words(source.image_shape)} and {in_words(target.image_shape)}); "
                "set data.size and data.channels"
            ] = None
    return [*problems, *tile_problems(configs, tasks)]


def tile_problems(configs: Sequence[TrialConfig], tasks: dict[TaskSpec, Task]) -> list[str]:
    """Pairs whose images make fewer tiles than there are blocks, in words."""
    problems: dict[str, None] = {}
    for config in configs:
        blocks, side = config.settings.blocks, config.settings.tile_size
        n_source, n_target = (len(tasks[s].train.labels) for s in (config.source, config.target))
        tiles = n_tiles(n_source, n_target, side)
        if blocks > tiles:
            problems[
                f"coupled.blocks: {blocks} blocks, but {config.source.name} and "
                f"{config.target.name} ({n_source} and {n_target} images) make {tiles} tiles of "
                f"side {side}; set coupled.blocks to at most {tiles}, or a smaller "
                "coupled.tile_size"
            ] = None
    return list(problems)


def write_plan(plan: SweepPlan, text: bytes) -> None:
    """Writes the sweep file as it was read and, with profile and overrides applied, the plan.

    Raises:
        StorageError: in one line.
    """
    trials = [
        {
            "trial_key": t.key,
            "name": t.config.name,
            "status": "done" if t.key in plan.done else "missing",
            "sgd_steps": t.config.trajectory.sgd_steps(len(t.source.train.labels)),
        }
        for t in plan.trials
    ]
    write_bytes(plan.folder / "sweep.yaml", text)
    resolved = plan.spec.model_dump(mode="json")
    write_json(plan.folder / "plan.json", {"sweep": resolved, "trials": trials})

"""The plan of a sweep: its trials with their data, what is done, what is missing, what it takes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from raytd.engine.files import write_bytes, write_json
from raytd.errors import DataError, RequestError
from raytd.sweep.cluster import Node
from raytd.sweep.expand import TrialConfig, expand, searches
from raytd.sweep.layout import SweepSpec
from raytd.sweep.ledger import Ledger, Row
from raytd.sweep.networks import network_problems
from raytd.sweep.study import RowOf, Study
from raytd.sweep.trial import Trial
from raytd.tasks import datasets
from raytd.tasks.form import in_words
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import Task, make_task
from raytd.transport.tiles import n_tiles

COORDINATOR_CPUS = 0.5
"""CPUs of the trial function and its coordinator, which wait most of the time."""


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep will do.

    Attributes:
        spec: the sweep.
        folder: where its results lie.
        sources: where trained sources lie.
        trials: those that are known, in the order of the table: of a search all that have ended,
            and the next.
        done: rows of those that have a result, by trial key.
        studies: the searches.
        settled: the row of a trial that is not run again.
    """

    spec: SweepSpec
    folder: Path
    sources: Path
    trials: tuple[Trial, ...]
    done: dict[str, Row]
    studies: tuple[Study, ...] = ()
    settled: RowOf = lambda _: None

    @property
    def missing(self) -> list[Trial]:
        """Trials without a result, failed ones included."""
        return [t for t in self.trials if t.key not in self.done]

    @property
    def n_ahead(self) -> int:
        """How many trials the searches will still suggest, at most, beside those known."""
        return sum(study.n_left for study in self.studies)

    def worse(self) -> set[str]:
        """Keys of searched trials that are not the best of their search."""
        best = {study.best.key for study in self.studies if study.best is not None}
        return {t.key for study in self.studies for t in study.trials} - best

    def suggested(self) -> list[Trial]:
        """All trials that are known by now: those of the plan, and what searches have added."""
        known = {t.key: t for t in self.trials}
        return list((known | {t.key: t for s in self.studies for t in s.trials}).values())


def make_plan(
    spec: SweepSpec, *, data: Path, storage: Path, nodes: Sequence[Node], fresh: bool = False
) -> SweepPlan:
    """Reads the data of a sweep and compares its trials with the ledger; writes nothing.

    Args:
        spec: the sweep.
        data: root of the data sets.
        storage: folder of all sweeps.
        nodes: what the nodes of the cluster have.
        fresh: whether finished trials are run again.

    Raises:
        RequestError: with everything that data and cluster say against the sweep.
    """
    tasks, problems = read_tasks(spec.tasks, data, download=spec.data.download)
    configs, cases = expand(spec), searches(spec)
    possible = [*configs, *(probe for case in cases for probe in case.probes())]
    problems += [] if problems else trial_problems(possible, tasks)
    problems += resource_problems(possible, nodes)
    if problems:
        raise RequestError(problems)
    ledger = Ledger(storage / spec.name)
    settled = (lambda _: None) if fresh else partial(_settled, ledger)
    studies = tuple(Study(case, tasks) for case in cases)
    for study in studies:
        study.next(settled)
    trials = tuple(Trial(c, tasks[c.source], tasks[c.target]) for c in configs)
    trials += tuple(trial for study in studies for trial in study.trials)
    rows = {} if fresh else {t.key: ledger.row(t.key) for t in trials}
    done = {key: row for key, row in rows.items() if row is not None and row["status"] == "done"}
    return SweepPlan(
        spec, ledger.folder, storage / "sources", trials, done, studies=studies, settled=settled
    )


def _settled(ledger: Ledger, key: str) -> Row | None:
    """The row of a trial that is not run again: one that is done."""
    row = ledger.row(key)
    return row if row is not None and row["status"] == "done" else None


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

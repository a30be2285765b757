"""The plan of a sweep: its trials with their data, what is done, what is missing, what it takes."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from raytd.errors import DataError, RequestError
from raytd.methods.registry import METHODS
from raytd.rows.row import Row
from raytd.storage.files import write_bytes, write_json
from raytd.storage.path import StoragePath
from raytd.sweep.cluster.connection import Node
from raytd.sweep.file.spec import SweepSpec
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.trials.expand import TrialConfig, expand, searches
from raytd.sweep.trials.fitting import CanAdd, Fitting
from raytd.sweep.trials.networks import network_problems
from raytd.sweep.trials.sharing import sharing_notes
from raytd.sweep.trials.study import Study
from raytd.sweep.trials.trial import Trial, sgd_steps_of
from raytd.tasks import datasets
from raytd.tasks.account import accounts_of
from raytd.tasks.datasets import Dataset
from raytd.tasks.pixels.form import in_words
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import Task, make_task
from raytd.words import counted

Status = Literal["done", "failed", "missing"]

Read = Callable[..., Dataset]
"""`raytd.tasks.datasets.read`, or the same with a memory of what it has read."""


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
        failed: rows of those that failed the last time, likewise.
        retry: whether all of those are run again.
        stale: versions of rows that do not count, by trial key: what `--fresh` found.
        studies: the searches.
        fitting: what its trials have of the cluster.
    """

    spec: SweepSpec
    folder: StoragePath
    sources: StoragePath
    trials: tuple[Trial, ...]
    done: dict[str, Row]
    failed: dict[str, Row] = field(default_factory=dict)
    retry: bool = False
    stale: Mapping[str, int | None] = field(default_factory=dict)
    studies: tuple[Study, ...] = ()
    fitting: Fitting | None = None

    @property
    def missing(self) -> list[Trial]:
        """Trials to run: without a result, and not left as failed."""
        settled = self.done.keys() | {t.key for t in self.left}
        return [t for t in self.trials if t.key not in settled]

    @property
    def left(self) -> list[Trial]:
        """Trials that failed for a cause of their own, such as NaN, and would fail again."""
        own = {key for key, row in self.failed.items() if not row.get("transient", True)}
        return [] if self.retry else [t for t in self.trials if t.key in own]

    def status(self, key: str) -> Status:
        """What the ledger knew of a trial when the plan was made."""
        if key in self.done:
            return "done"
        return "failed" if key in self.failed else "missing"

    @property
    def tasks(self) -> list[Task]:
        """Those of its trials, in the order of the sweep file."""
        found = {t.name: t for trial in self.trials for t in (trial.source, trial.target)}
        return [found[spec.name] for spec in self.spec.tasks if spec.name in found]

    def shared_images(self) -> list[str]:
        """What the tasks of its pairs have in common, in words."""
        pairs = {(t.source.name, t.target.name): (t.source, t.target) for t in self.trials}
        return sharing_notes(list(pairs.values()))

    def summary(self) -> str:
        """What there is and what is to be done, in one line."""
        n_trials, n_to_run = (n + self.n_ahead for n in (len(self.trials), len(self.missing)))
        parts = [f"{len(self.done)} done", f"{n_to_run} to run"]
        if self.left:
            parts.append(f"{len(self.left)} failed, not run again without --retry-failed")
        note = self.fitting and self.fitting.note(t.config for t in (*self.missing, *self.ahead))
        return f"{counted(n_trials, 'trial')}: {', '.join(parts)}" + (f"; {note}" if note else "")

    def placed(self, fitting: Fitting) -> "SweepPlan":
        """The same plan with what its trials have of the cluster."""
        for study in self.studies:
            study.place(fitting.fit)
        trials = tuple(t.placed(fitting.fit(t.config)) for t in self.trials)
        return replace(self, trials=trials, fitting=fitting)

    def settled(self, key: str) -> Row | None:
        """The row of a trial that is not run again: done, or failed for a cause of its own."""
        row = self._row(key)
        if row is None or row["status"] == "done":
            return row
        return None if self.retry or row.get("transient", True) else row

    def refreshed(self) -> "SweepPlan":
        """The same plan beside what the ledger holds by now."""
        for study in self.studies:
            study.next(self.settled)
        trials = tuple(self.suggested())
        kept = Ledger(self.folder).rows_of([t.key for t in trials if not self._is_stale(t.key)])
        rows = {t.key: kept[t.key] for t in trials if t.key in kept}
        done = {key: row for key, row in rows.items() if row["status"] == "done"}
        failed = {key: row for key, row in rows.items() if key not in done}
        return replace(self, trials=trials, done=done, failed=failed)

    def _row(self, key: str) -> Row | None:
        """What the ledger holds of a trial, unless it is what `--fresh` found."""
        return None if self._is_stale(key) else Ledger(self.folder).row(key)

    def _is_stale(self, key: str) -> bool:
        return key in self.stale and self.stale[key] == Ledger(self.folder).version(key)

    @property
    def n_ahead(self) -> int:
        """How many trials the searches will still suggest, at most, beside those known."""
        return sum(study.n_left for study in self.studies)

    @property
    def ahead(self) -> list[Trial]:
        """A trial like each of those, to reckon with."""
        return [study.stand_in for study in self.studies for _ in range(study.n_left)]

    def shortfalls(self) -> list[str]:
        """Why searches run fewer trials than were asked for, a sentence for each reason."""
        found = Counter(text for study in self.studies if (text := study.shortfall) is not None)
        alike = {text: f" (in each of {n} such searches)" for text, n in found.items() if n > 1}
        return [text + alike.get(text, "") for text in found]

    def worse(self) -> set[str]:
        """Keys of searched trials that are not the best of their search."""
        best = {study.best.key for study in self.studies if study.best is not None}
        return {t.key for study in self.studies for t in study.trials} - best

    def suggested(self) -> list[Trial]:
        """All trials that are known by now: those of the plan, and what searches have added."""
        known = {t.key: t for t in self.trials}
        return list((known | {t.key: t for s in self.studies for t in s.trials}).values())


def make_plan(  # noqa: PLR0913
    spec: SweepSpec,
    *,
    data: Path,
    storage: StoragePath,
    nodes: Sequence[Node],
    can_add: CanAdd | None = None,
    fresh: bool = False,
    retry: bool = False,
    read: Read = datasets.read,
) -> SweepPlan:
    """Reads the data of a sweep and compares its trials with the ledger; writes nothing.

    Args:
        spec: the sweep.
        data: root of the data sets.
        storage: folder of all sweeps.
        nodes: what the nodes of the cluster have.
        can_add: says whether the cluster could grow until some bundles fit, and makes it; asked
            only for missing trials against which nothing else speaks. None: it cannot.
        fresh: whether trials that have ended are run again.
        retry: whether those that failed for a cause of their own are run again.
        read: reads a data set.

    Raises:
        RequestError: with everything that data and cluster say against the sweep.
    """
    tasks, problems = read_tasks(spec.tasks, data, download=spec.data.download, read=read)
    configs, cases = expand(spec), searches(spec)
    possible = [*configs, *(probe for case in cases for probe in case.probes())]
    fitting = Fitting(spec.resources, nodes)
    problems += [] if problems else trial_problems(possible, tasks)
    if problems:
        raise RequestError(problems + fitting.settle(possible))
    ledger = Ledger(storage / spec.name)
    trials = tuple(Trial(c, tasks[c.source], tasks[c.target]) for c in configs)
    stale = ledger.versions() if fresh else {}
    studies = tuple(Study(case, tasks) for case in cases)
    sources = storage / "sources"
    plan = SweepPlan(
        spec, ledger.folder, sources, trials, {}, retry=retry, stale=stale, studies=studies
    ).refreshed()
    wanted = [t.config for t in plan.missing]
    wanted += [probe for s in studies if s.n_left for probe in s.case.probes()]
    if problems := fitting.settle(wanted, can_add):
        raise RequestError(problems)
    return plan.placed(fitting)


def read_tasks(
    specs: Sequence[TaskSpec], root: Path, *, download: bool = False, read: Read = datasets.read
) -> tuple[dict[TaskSpec, Task], list[str]]:
    """Cuts tasks from their data sets, one data set after the other; problems are told in words."""
    by_source: dict[tuple[str, str | None], list[TaskSpec]] = {}
    for spec in specs:
        by_source.setdefault((spec.dataset, spec.known_as), []).append(spec)
    tasks: dict[TaskSpec, Task] = {}
    problems: dict[str, None] = {}
    for (reference, known_as), cut in by_source.items():
        try:
            dataset = read(reference, root, known_as=known_as, download=download)
        except DataError as error:
            problems[str(error)] = None
            continue
        for spec in cut:
            try:
                tasks[spec] = make_task(spec, dataset)
            except DataError as error:
                problems[str(error)] = None
    return tasks, list(problems)


def trial_problems(configs: Sequence[TrialConfig], tasks: dict[TaskSpec, Task]) -> list[str]:
    """What images, methods and networks say against the trials, in words."""
    problems: dict[str, None] = {}
    for config in configs:
        source, target = tasks[config.source], tasks[config.target]
        if source.image_shape != target.image_shape:
            problems[
                f"{source.name} and {target.name} have images of different form "
                f"({in_words(source.image_shape)} and {in_words(target.image_shape)}); "
                "set data.size and data.channels"
            ] = None
    for config in configs:
        source, target = tasks[config.source], tasks[config.target]
        method = METHODS[config.method]
        problems |= dict.fromkeys(method.problems(config.settings, source, target))
    return [*problems, *network_problems(configs, tasks)]


def write_plan(plan: SweepPlan, text: bytes) -> None:
    """Writes the sweep file as it was read and, with profile and overrides applied, the plan.

    Raises:
        StorageError: in one line.
    """
    trials = [
        {
            "trial_key": t.key,
            "name": t.config.name,
            "status": plan.status(t.key),
            "sgd_steps": sgd_steps_of(t),
            "actors": t.config.n_actors,
            "gpus_per_actor": t.config.resources.gpus,
        }
        for t in plan.trials
    ]
    write_bytes(plan.folder / "sweep.yaml", text)
    resolved = plan.spec.model_dump(mode="json")
    read = {"data": accounts_of(plan.tasks), "shared_images": plan.shared_images()}
    content = {"sweep": resolved, **read, "trials": trials, "to_come": plan.n_ahead}
    write_json(plan.folder / "plan.json", content)

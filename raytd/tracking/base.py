"""What every tracker is told about a sweep and its trials, and what it can do with that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from raytd.storage.path import StoragePath

TrialStatus = Literal["done", "failed"]
SweepStatus = Literal["done", "failed", "interrupted"]


@dataclass(frozen=True)
class SweepInfo:
    """One sweep, as the tracker shows it.

    Attributes:
        name: identifies the sweep within its experiment; the same name goes on with the same run.
        experiment: the experiment that holds it; made when it does not exist.
        description: shown as the note of the sweep's run; Markdown.
        tags: what to filter sweeps by.
        artifacts: files that exist before the first trial, such as the sweep file.
        resolved: the sweep file with profile and overrides applied; kept as
            `sweep-resolved.yaml`, which can be run as it is.
        started: when its first trial began, in seconds since 1970; None is now.
        param_columns: params in which its trials differ, which a table of them shows.
        metric_columns: metrics that a table of them shows.
    """

    name: str
    experiment: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    artifacts: Sequence[StoragePath] = ()
    resolved: Mapping[str, Any] = field(default_factory=dict)
    started: float | None = None
    param_columns: Sequence[str] = ()
    metric_columns: Sequence[str] = ()


@dataclass(frozen=True)
class DatasetInfo:
    """Data that a trial works on, as the tracker shows it.

    Attributes:
        name: of the task.
        digest: of its content.
        source: what it is cut from, JSON-able.
        role: what it is to the trial: `source`, `target`, or both.
    """

    name: str
    digest: str
    source: Mapping[str, Any]
    role: str


@dataclass(frozen=True)
class TrialInfo:
    """One trial, as the tracker shows it.

    Attributes:
        key: identifies the trial within its sweep.
        name: what people read, such as `wrn-10-1 coupled low->high seed 1`.
        params: all that the result depends on.
        tags: what to filter trials by. Those that came up since the trial was first told of, such
            as the line of its error, are added when it finishes.
        datasets: what it works on.
        started: when it began, in seconds since 1970; None is now.
    """

    key: str
    name: str
    params: Mapping[str, str | int | float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: Sequence[DatasetInfo] = ()
    started: float | None = None


@dataclass(frozen=True)
class RunsPage:
    """The page on which MLflow shows the trials of a sweep.

    Attributes:
        address: of the page.
        command: serves it there; None where a server does so already.
    """

    address: str
    command: str | None = None

    def __str__(self) -> str:
        if self.command is None:
            return self.address
        return f"run `{self.command}`, then open {self.address}"


@dataclass(frozen=True)
class Closing:
    """What a sweep leaves when it ends.

    Attributes:
        status: how it ended.
        metrics: the summary over all trials.
        artifacts: files to keep with it, such as its figures.
        table: one row per trial, kept as the table `results.json`.
        ended: when its last trial ended, in seconds since 1970; None is now.
    """

    status: SweepStatus
    metrics: Mapping[str, float] = field(default_factory=dict)
    artifacts: Sequence[StoragePath] = ()
    table: Sequence[Mapping[str, Any]] = ()
    ended: float | None = None


class Tracker:
    """Takes the numbers of a running sweep; never raises for a server that fails.

    This one keeps nothing: it is the tracker of sweeps that nobody tracks.
    """

    @property
    def runs_page(self) -> RunsPage | None:
        """The page of the sweep's trials; None where there is none."""
        return None

    def begin_trial(self, trial: TrialInfo) -> None:
        """Shows a trial as running; one that has ended is left as it is."""

    def log_iteration(
        self,
        trial: TrialInfo,
        iteration: int,
        metrics: Mapping[str, float],
        knots: Sequence[Mapping[str, float]],
    ) -> None:
        """Adds one point to each curve of the iterations, and the knots' points of this one.

        Args:
            trial: whose numbers these are.
            iteration: outer iteration, from 0.
            metrics: one number per curve.
            knots: one row per knot, with its index as `knot` and one number per curve.
        """

    def finish_trial(
        self,
        trial: TrialInfo,
        metrics: Mapping[str, float | None],
        *,
        status: TrialStatus,
        artifacts: Sequence[StoragePath],
        ended: float | None = None,
    ) -> None:
        """Ends a trial with its result; telling of the same result again changes nothing.

        Args:
            trial: whose result this is.
            metrics: the summary; what is None or not a number is left out.
            status: whether there is a result.
            artifacts: files to keep with the trial.
            ended: when it ended, in seconds since 1970; None is now.
        """

    def close(self, closing: Closing) -> None:
        """Ends the sweep."""

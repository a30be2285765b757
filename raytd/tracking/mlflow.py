"""The MLflow tracker: one run per sweep, and under it one run per trial."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from raytd.storage.path import StoragePath
from raytd.tracking.base import Closing, RunsPage, SweepInfo, Tracker, TrialInfo, TrialStatus
from raytd.tracking.guard import Guard
from raytd.tracking.points import Point, iteration_points, knot_points
from raytd.tracking.quiet import import_mlflow
from raytd.tracking.session import STATUS, Session

T = TypeVar("T")


class MlflowTracker(Tracker):
    """Sends a sweep to an MLflow store or server.

    Runs are looked up before they are made: the sweep by its name, a trial by its key and its
    sweep. Going on with a sweep therefore goes on with its runs, and adds only what they lack.
    Whatever the server does, no method raises; see `Guard`.

    Args:
        uri: any MLflow tracking URI.
        sweep: what is going to run.
    """

    def __init__(self, uri: str, sweep: SweepInfo) -> None:
        import_mlflow()
        self._guard = Guard(uri)
        self._session = self._guard.run(lambda: Session(uri, sweep))

    @property
    def runs_page(self) -> RunsPage | None:
        """The page of the sweep's trials; None where the store was lost."""
        return None if self._session is None or self._guard.lost else self._session.runs_page

    def begin_trial(self, trial: TrialInfo) -> None:
        """Makes the trial's run where there is none, and shows it as running."""
        self._run(lambda session: _log(session, trial, ()))

    def log_iteration(
        self,
        trial: TrialInfo,
        iteration: int,
        metrics: Mapping[str, float],
        knots: Sequence[Mapping[str, float]],
    ) -> None:
        """Adds a point per metric at step `iteration`, and `knots.*`; see `knot_points`."""
        points = knot_points(iteration, knots) + iteration_points(iteration, metrics)
        self._run(lambda session: _log(session, trial, points))

    def finish_trial(
        self,
        trial: TrialInfo,
        metrics: Mapping[str, float | None],
        *,
        status: TrialStatus,
        artifacts: Sequence[StoragePath],
        ended: float | None = None,
    ) -> None:
        """Sets the metrics, uploads the artifacts and ends the trial's run."""

        def finish(session: Session) -> None:
            run = session.trial(trial)
            if run.status == "FINISHED" and not run.differs(metrics):
                return
            run.describe({}, trial.tags)
            run.summarise(metrics)
            try:
                run.keep(artifacts)
            finally:  # a file that is missing or too large for the server leaves no run open
                run.end(STATUS[status], ended)

        self._run(finish)

    def close(self, closing: Closing) -> None:
        """Ends the sweep's run; trials that nobody finished end as `KILLED`."""

        def end(session: Session) -> None:
            try:
                session.summarise(closing)
            finally:
                session.close(STATUS[closing.status], closing.ended)

        self._run(end)

    def run_id(self, trial_key: str) -> str | None:
        """The MLflow run of a trial, made now or earlier; None if there is none."""
        run = self._run(lambda session: session.find_trial(trial_key))
        return run.id if run else None

    def _run(self, call: Callable[[Session], T]) -> T | None:
        session = self._session
        return None if session is None else self._guard.run(lambda: call(session))


def _log(session: Session, trial: TrialInfo, points: Sequence[Point]) -> None:
    run = session.trial(trial)
    if run.status == "FINISHED":
        return
    if run.status != "RUNNING":
        run.start()
    run.add(points)

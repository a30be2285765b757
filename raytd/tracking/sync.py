"""Sending a sweep that lies on disk to an MLflow store, and of it only what the store lacks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from raytd.errors import TrackingError
from raytd.storage.path import StoragePath
from raytd.tracking.base import Closing, RunsPage, SweepInfo, TrialInfo, TrialStatus
from raytd.tracking.guard import reason, refused, way_back, without_password
from raytd.tracking.points import Point, iteration_points, knot_points
from raytd.tracking.quiet import import_mlflow, quiet
from raytd.tracking.session import STATUS, Session
from raytd.words import counted

_SENT_TAG = "raytd.sent"
"""Digest of the last record of which the store has everything, and what is called everything."""

_LAYOUT = 2
"""Raised when runs are described in another way, so that those of earlier releases are completed.

1 had few params, results as `final.*`, and the time of sending as that of the trial.
"""


@dataclass(frozen=True)
class TrialRecord:
    """A trial that has ended, as it lies on disk.

    Attributes:
        info: the trial.
        digest: of the record.
        iterations: metrics of each iteration, with its index as `iteration`.
        knots: metrics of each knot, with its `knot` and its `iteration`.
        finals: the summary.
        status: whether there is a result.
        artifacts: files to keep with the trial.
        ended: when it ended, in seconds since 1970; None is now.
    """

    info: TrialInfo
    digest: str
    iterations: Sequence[Mapping[str, float]]
    knots: Sequence[Mapping[str, float]]
    finals: Mapping[str, float | None]
    status: TrialStatus
    artifacts: Sequence[StoragePath]
    ended: float | None = None

    def points(self) -> list[Point]:
        """The points of all curves, at the steps at which a running sweep sends them."""
        points = []
        for metrics in self.iterations:
            index = int(metrics["iteration"])
            others = {name: value for name, value in metrics.items() if name != "iteration"}
            points += knot_points(index, [k for k in self.knots if k["iteration"] == index])
            points += iteration_points(index, others)
        return points


@dataclass(frozen=True)
class Sent:
    """What a store was sent.

    Attributes:
        n_trials: trials of the sweep that have ended.
        n_trials_sent: those of which something was sent.
        n_points: numbers.
        n_files: files.
        refusals: what the store did not take, one line each.
        runs_page: the page of the trials; None for a store of which it is not known.
    """

    n_trials: int
    n_trials_sent: int
    n_points: int
    n_files: int
    refusals: tuple[str, ...]
    runs_page: RunsPage | None = None


def send(uri: str, sweep: SweepInfo, trials: Iterable[TrialRecord], closing: Closing) -> Sent:
    """Sends what a store lacks of a sweep; what it has already is left as it is.

    Args:
        uri: any MLflow tracking URI.
        sweep: that the trials belong to.
        trials: all that have ended.
        closing: what the sweep has left.

    Raises:
        TrackingError: in one line, if the store cannot be used, or stops on the way; what was sent
            until then is there, and the next call sends the rest.
    """
    import_mlflow()
    n_trials, n_sent, refusals = 0, 0, list[str]()
    try:
        with quiet():
            session = Session(uri, sweep, running=False)
            for record in trials:
                n_trials += 1
                try:
                    n_sent += _send_trial(session, record)
                except Exception as error:
                    if not refused(error):
                        raise
                    refusals.append(f"{record.info.name}: {way_back(error) or reason(error)}")
            _send_closing(session, closing)
    except Exception as error:
        if back := way_back(error):
            raise TrackingError(f"tracking at {without_password(uri)}: {back}") from error
        raise TrackingError(
            f"tracking at {without_password(uri)} stopped ({reason(error)}) after "
            f"{counted(n_sent, 'trial')} were sent; nothing is lost, and the same command "
            "sends the rest"
        ) from error
    points, files = (sum(getattr(r, n) for r in session.runs) for n in ("n_points", "n_files"))
    return Sent(n_trials, n_sent, points, files, tuple(refusals), session.runs_page)


def _send_trial(session: Session, record: TrialRecord) -> bool:
    """Sends what is missing of a trial; whether there was anything."""
    found = session.find_trial(record.info.key)
    everything = f"{_LAYOUT}:{record.digest}"
    if found is not None and found.tag(_SENT_TAG) == everything:
        return False
    run = session.trial(record.info)
    run.told_at = record.ended
    before = run.n_points + run.n_files
    run.describe({}, record.info.tags)
    run.add(record.points())
    run.summarise(record.finals)
    run.keep(record.artifacts)
    if run.status != STATUS[record.status]:
        run.end(STATUS[record.status], record.ended)
    run.describe({}, {_SENT_TAG: everything})
    return found is None or run.n_points + run.n_files > before


def _send_closing(session: Session, closing: Closing) -> None:
    session.summarise(closing)
    if session.sweep.status != STATUS[closing.status]:
        session.sweep.end(STATUS[closing.status], closing.ended)

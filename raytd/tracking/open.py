"""From a tracking URI to the tracker that serves it."""

from pathlib import Path

from raytd.engine.storage import StoragePath
from raytd.tracking.base import SweepInfo, Tracker
from raytd.tracking.null import NullTracker


def default_uri(storage: StoragePath) -> str:
    """The SQLite store inside a storage folder, the same one from any working directory.

    An object store cannot hold it: then it lies in `runs` of the working directory.
    """
    folder = storage if isinstance(storage, Path) else Path("runs")
    return f"sqlite:///{folder.resolve() / 'mlflow.db'}"


def open_tracker(uri: str | None, sweep: SweepInfo) -> Tracker:
    """A tracker for one sweep; MLflow is imported here, and only when it is wanted.

    Args:
        uri: any MLflow tracking URI; None tracks nothing.
        sweep: what is going to run.
    """
    if uri is None:
        return NullTracker()
    from raytd.tracking.mlflow import MlflowTracker

    return MlflowTracker(uri, sweep)

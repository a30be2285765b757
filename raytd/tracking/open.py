"""From a tracking URI to the tracker that serves it."""

from pathlib import Path

from raytd.paths import expanded
from raytd.storage.path import StoragePath
from raytd.tracking.base import SweepInfo, Tracker
from raytd.tracking.sqlite_file import require_uri, sqlite_uri


def chosen_uri(asked: str | None, storage: StoragePath) -> str | None:
    """The store that a user means; None for `none`.

    By default it is the SQLite file inside the storage folder, the same one from any working
    directory. An object store cannot hold it: then it lies in `runs` of the working directory.

    Args:
        asked: what `--tracking-uri` says, if anything.
        storage: folder of all sweeps.

    Raises:
        RequestError: in one line, if the URI would be misread, or none can name the file.
    """
    if asked == "none":
        return None
    if not asked:
        folder = storage if isinstance(storage, Path) else Path("runs")
        return sqlite_uri(folder.resolve() / "mlflow.db")
    if asked.startswith("~"):  # a folder, as MLflow takes one
        return str(expanded(asked))
    require_uri(asked)
    return asked


def open_tracker(uri: str | None, sweep: SweepInfo) -> Tracker:
    """A tracker for one sweep; MLflow is imported here, and only when it is wanted.

    Args:
        uri: any MLflow tracking URI; None tracks nothing.
        sweep: what is going to run.
    """
    if uri is None:
        return Tracker()
    from raytd.tracking.mlflow import MlflowTracker

    return MlflowTracker(uri, sweep)

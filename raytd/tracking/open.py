"""From a tracking URI to the tracker that serves it."""

from importlib.metadata import entry_points
from pathlib import Path

from raytd.errors import RequestError
from raytd.paths import expanded
from raytd.storage.path import StoragePath
from raytd.tracking.base import SweepInfo, Tracker
from raytd.tracking.guard import without_password
from raytd.tracking.sqlite_file import require_uri, sqlite_uri

_KINDS = (
    "http", "https", "file", "sqlite", "postgresql", "mysql", "mssql", "databricks",
    "databricks-uc", "uc",
)  # fmt: skip
"""What MLflow knows before `://`, a driver as in `postgresql+psycopg2` left out."""


def chosen_uri(asked: str | None, storage: StoragePath) -> str | None:
    """The store that a user means; None for `none`.

    By default it is the SQLite file inside the storage folder, the same one from any working
    directory. An object store cannot hold it: then it lies in `runs` of the working directory.

    Args:
        asked: what `--tracking-uri` says, if anything.
        storage: folder of all sweeps.

    Raises:
        RequestError: in one line, if MLflow knows no such URI or would misread it, or none can
            name the file.
    """
    if asked == "none":
        return None
    if not asked:
        folder = storage if isinstance(storage, Path) else Path("runs")
        return sqlite_uri(folder.resolve() / "mlflow.db")
    if asked.startswith("~"):  # a folder, as MLflow takes one
        return str(expanded(asked))
    _require_kind(asked)
    require_uri(asked)
    return asked


def _require_kind(uri: str) -> None:
    """Looks whether MLflow, or a plugin of it, knows what stands before `://`."""
    kind, mark, _ = uri.partition("://")
    asked = kind.lower().partition("+")[0]
    if not mark or asked in _KINDS:
        return
    plugins = [each.name for each in entry_points(group="mlflow.tracking_store")]
    if asked not in plugins:
        raise RequestError(
            f"--tracking-uri {without_password(uri)}: MLflow has no store of the kind '{kind}'; it "
            f"has {', '.join([*_KINDS, *plugins])}, and folders"
        )


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

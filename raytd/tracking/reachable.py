"""Whether a tracking server can be used, asked once and quickly."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from raytd.errors import PathError
from raytd.tracking.guard import DeletedError, reason, require_active, without_password
from raytd.tracking.quiet import import_mlflow, quiet
from raytd.tracking.sqlite_file import require_file, store_file

_WAIT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}


def store_finding(uri: str) -> tuple[str, str | None]:
    """What a store answers, and what to do if it does not.

    An SQLite file that is not there yet is made by the first sweep; it is not made here.
    """
    shown = without_password(uri)
    file = store_file(uri)
    if file is not None and not file.exists():
        return f"{shown} (the first sweep makes it)", None
    try:
        with _quick_client(uri) as client:
            n = len(client.search_experiments(max_results=1000))
    except PathError as error:
        return shown, str(error)
    except Exception as error:  # noqa: BLE001 whatever it is, it is what there is to say
        return f"{shown}: {reason(error)}", _todo(str(error))
    return f"{shown} answers ({n} experiment{'' if n == 1 else 's'})", None


def require_experiment(uri: str, name: str) -> None:
    """Looks whether a sweep's experiment can take its runs; one that is not there can be made.

    A store that does not answer stops no sweep: its results are kept, and sent later.

    Raises:
        DeletedError: in one line, if the experiment was deleted.
        PathError: in one line, if MLflow cannot be imported for want of a home folder.
    """
    import_mlflow()
    file = store_file(uri)
    if file is not None and not file.exists():
        return
    try:
        if file is not None:
            require_file(file)
        with _quick_client(uri) as client:
            experiment = client.get_experiment_by_name(name)
    except Exception:  # noqa: BLE001 the tracker says what it is when it meets it
        return
    if experiment is None:
        return
    try:
        require_active(experiment)
    except DeletedError as error:
        raise DeletedError(f"tracking at {without_password(uri)}: {error}") from error


@contextmanager
def _quick_client(uri: str) -> Iterator[Any]:
    """A client that asks once and does not wait for long."""
    before = {name: os.environ.get(name) for name in _WAIT}
    os.environ.update(_WAIT)
    try:
        import_mlflow()
        with quiet():
            from mlflow.tracking import MlflowClient

            yield MlflowClient(tracking_uri=uri)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _todo(text: str) -> str:
    if " 401 " in text or " 403 " in text:
        return (
            "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or ~/.mlflow/credentials."
        )
    return "Start the server, correct --tracking-uri, or sweep without it and run raytd sync later."

"""MLflow as a guest in our process: nothing on the terminal, nothing sent home, no long waits."""

import importlib
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from raytd.errors import PathError
from raytd.paths import home_problem

_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # MLflow's own 7 retries and 120 s can hold up a trial for a quarter of an hour.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
_CHATTY = ("mlflow", "alembic", "sqlalchemy.engine", "urllib3")


def import_mlflow() -> None:
    """Imports MLflow for the first time, under settings of ours where the user has none.

    The import sets up MLflow's loggers, so it comes before anything that runs under `quiet`.

    Raises:
        PathError: in one line, if no home folder is known: MLflow cannot be imported without one.
    """
    if problem := home_problem():
        raise PathError(f"tracking: {problem}, or track nothing with --tracking-uri none")
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    # What MLflow's own code calls in old ways is for its makers to mend, not for our users.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"mlflow\.")
    importlib.import_module("mlflow.tracking")


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps the loggers of MLflow and of what it calls silent, unless the user chose a level."""
    if "MLFLOW_LOGGING_LEVEL" in os.environ:
        yield
        return
    loggers = [logging.getLogger(name) for name in _CHATTY]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

"""Whether a tracking server can be used, asked once and quickly."""

import os

from raytd.tracking.guard import reason, without_password
from raytd.tracking.quiet import import_mlflow, quiet
from raytd.tracking.session import store_file

_WAIT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}


def store_finding(uri: str) -> tuple[str, str | None]:
    """What a store answers, and what to do if it does not.

    An SQLite file that is not there yet is made by the first sweep; it is not made here.
    """
    shown = without_password(uri)
    file = store_file(uri)
    if file is not None and not file.exists():
        return f"{shown} (the first sweep makes it)", None
    before = {name: os.environ.get(name) for name in _WAIT}
    os.environ.update(_WAIT)
    try:
        import_mlflow()
        with quiet():
            from mlflow.tracking import MlflowClient

            n = len(MlflowClient(tracking_uri=uri).search_experiments(max_results=1000))
    except Exception as error:  # noqa: BLE001 whatever it is, it is what there is to say
        return f"{shown}: {reason(error)}", _todo(str(error))
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    return f"{shown} answers ({n} experiment{'' if n == 1 else 's'})", None


def _todo(text: str) -> str:
    if " 401 " in text or " 403 " in text:
        return (
            "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or ~/.mlflow/credentials."
        )
    return "Start the server, correct --tracking-uri, or sweep without it and run raytd sync later."

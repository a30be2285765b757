"""Experiments and runs that were deleted in MLflow: they take nothing until they are restored."""

import re
from typing import Any

from raytd.errors import RequestError

_INACTIVE = re.compile(r"The (experiment|run) (\S+) must be in the 'active' state")


class DeletedError(RequestError):
    """The experiment was deleted; the message has the command that restores it."""


def require_active(experiment: Any) -> None:
    """Looks whether runs can be put into an experiment.

    Raises:
        DeletedError: in one line, if it was deleted.
    """
    if experiment.lifecycle_stage == "deleted":
        raise DeletedError(
            f"the experiment '{experiment.name}' was deleted in MLflow; "
            f"{_restore('experiment', experiment.experiment_id)}, or choose another with "
            "--set tracking.experiment=NAME"
        )


def way_back(error: BaseException) -> str | None:
    """What to do about a call that was refused because its experiment or run was deleted."""
    if isinstance(error, DeletedError):
        return str(error)
    found = _INACTIVE.search(str(error))
    if found is None:
        return None
    return f"the {found[1]} {found[2]} was deleted in MLflow; {_restore(found[1], found[2])}"


def _restore(kind: str, number: str) -> str:
    return (
        f"restore it with `mlflow {kind}s restore --{kind}-id {number}` "
        "(MLFLOW_TRACKING_URI names the store)"
    )

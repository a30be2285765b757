"""The one place where the failures of a tracking server end.

Experiments and runs that were deleted in MLflow take nothing until they are restored.
"""

import logging
import re
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from raytd.errors import RequestError, first_line
from raytd.tracking.quiet import quiet

T = TypeVar("T")
_logger = logging.getLogger("raytd")

# MLflow's codes for "I was there and did not like this one call"; any other means that the next
# call would fare no better.
_REFUSALS = frozenset(
    {
        "BAD_REQUEST",
        "INVALID_PARAMETER_VALUE",
        "INVALID_STATE",
        "NOT_FOUND",
        "RESOURCE_ALREADY_EXISTS",
        "RESOURCE_CONFLICT",
        "RESOURCE_DOES_NOT_EXIST",
    }
)

_INACTIVE = re.compile(r"The (experiment|run) (\S+) must be in the 'active' state")


class Guard:
    """Runs calls to a server, warns of the first that fails, and gives up on a dead server.

    Results are on disk before they are sent, so nothing that a server does may stop a run.

    Attributes:
        lost: nothing is sent any more.
    """

    def __init__(self, uri: str) -> None:
        self.lost = False
        self._uri = without_password(uri)
        self._warned: set[str] = set()

    def run(self, call: Callable[[], T]) -> T | None:
        """The call's value; None when it failed or the server was given up before."""
        if self.lost:
            return None
        try:
            with quiet():
                return call()
        except Exception as error:  # noqa: BLE001 artifact stores raise types of their own
            self._note(error)
            return None

    def _note(self, error: Exception) -> None:
        self.lost = not refused(error)
        back = way_back(error)
        said = back or ("stopped" if self.lost else "refused a call")
        if said in self._warned:
            return
        self._warned.add(said)
        what, then = f" {said} ({reason(error)})", "raytd sync sends them later"
        if back:
            what, then = f": {back}", "once it is restored raytd sync sends them"
        _logger.warning("tracking at %s%s; results are kept on disk, and %s", self._uri, what, then)


def refused(error: Exception) -> bool:
    """Whether it was this one call that failed, and the next may well go through."""
    import requests

    code = getattr(error, "error_code", None)
    return code in _REFUSALS or isinstance(error, requests.HTTPError | FileNotFoundError)


def reason(error: BaseException) -> str:
    """One line: what the first exception of the chain says, under all that was wrapped around."""
    while under := error.__cause__ or error.__context__:
        error = under
    return first_line(error)


def without_password(uri: str) -> str:
    """The URI as it may be printed."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return parts._replace(netloc="***@" + parts.netloc.rpartition("@")[2]).geturl()


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

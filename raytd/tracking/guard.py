"""The one place where the failures of a tracking server end."""

import logging
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from raytd.errors import first_line
from raytd.tracking.deleted import way_back
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

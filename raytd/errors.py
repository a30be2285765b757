"""The exceptions that raytd raises, and what each of them means to the command line."""

from collections.abc import Sequence


def os_reason(error: Exception) -> str:
    """Why the operating system refused, in small letters."""
    return (getattr(error, "strerror", None) or str(error)).lower()


def first_line(error: BaseException) -> str:
    """The first line of what an exception says; its type where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def in_one_line(error: BaseException) -> str:
    """Type and first line of an exception."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


class RaytdError(Exception):
    """Something the user can mend; the message is one line that says what and where."""

    exit_code = 1


class RequestError(RaytdError):
    """The request itself is wrong: nothing was started and nothing was written.

    Args:
        problems: every problem found, one line each.
    """

    exit_code = 2

    def __init__(self, problems: Sequence[str] | str) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type["RequestError"], tuple[list[str]]]:
        return type(self), (self.problems,)


class InputError(RaytdError, ValueError):
    """A value outside its domain, with its name, its place and what came."""


class DataError(RaytdError):
    """A data set that is missing, unreadable, or lacks a class that a task names."""


class PathError(RequestError, DataError, ValueError):
    """A path that no file can have, such as one below a home folder that is not known."""


class StorageError(RaytdError):
    """The storage folder cannot be written, or is full."""


class TrackingError(RaytdError):
    """The tracking server did not take everything; the message says what and what to do."""


class NotFiniteError(RaytdError):
    """Weights or lengths became NaN or infinite; the message names block and segment."""


class WorkerLostError(RaytdError):
    """A block's worker was lost more often than the bound on attempts allows."""


class WaitTimeoutError(RaytdError):
    """A wait for the cluster took longer than its limit; the message says what for."""


class MemoryShortError(RaytdError):
    """A trial ran out of memory however small its chunk was made."""

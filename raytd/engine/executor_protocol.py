"""What the coordinator needs of an executor: values to share, and calls to make."""

from typing import Any, Protocol


class Pending(Protocol):
    """A call that was submitted."""

    def result(self) -> Any:
        """Waits for what the call returns; raises what it raised."""


class Executor(Protocol):
    """Runs methods of the blocks' workers."""

    def share(self, value: Any) -> Any:
        """A handle that stands for `value` among the arguments of `submit`."""

    def fetch(self, handle: Any) -> Any:
        """The value that a handle of `share` stands for."""

    def submit(self, block: int, method: str, *args: Any) -> Pending:
        """Starts a call; calls to one block run in the order of their submission."""

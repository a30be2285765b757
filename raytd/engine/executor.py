"""Where the workers are: an executor runs calls on them, here or elsewhere, with the same bits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from raytd.engine.block import BlockSetup
from raytd.engine.checkpoints import CheckpointSettings
from raytd.engine.coordinator import Coordinator, Cut, Tell, iterations
from raytd.engine.records import Iteration, Plan
from raytd.engine.worker import BlockWorker
from raytd.learning.places import OnPlace, unheard


class Launcher(Protocol):
    """Runs one coordinator with its workers, wherever they live."""

    def __call__(self, plan: Plan, cut: Cut) -> Iterator[Iteration]:
        """Yields the iterations of the plan as they end; `cut` cuts images for the workers."""


@dataclass(frozen=True)
class Done:
    """A call that has been made."""

    value: Any

    def result(self) -> Any:
        """What the call returned."""
        return self.value


class SerialExecutor:
    """Runs every call at once, in this process.

    Args:
        setups: one per worker, blocks first.
    """

    def __init__(self, setups: Sequence[BlockSetup]) -> None:
        self.workers = [BlockWorker(setup) for setup in setups]

    def share(self, value: Any) -> Any:
        """The value itself: there is nobody to share it with."""
        return value

    def fetch(self, handle: Any) -> Any:
        """The value itself."""
        return handle

    def submit(self, block: int, method: str, *args: Any) -> Done:
        """Calls a method of the block's worker."""
        return Done(getattr(self.workers[block], method)(*args))


def run_in_process(
    plan: Plan,
    cut: Cut,
    *,
    checkpoints: CheckpointSettings | None = None,
    tell: Tell = lambda _: None,
    on_place: OnPlace = unheard,
) -> Iterator[Iteration]:
    """The launcher without a cluster.

    Args:
        plan: the trial.
        cut: cuts images for the workers.
        checkpoints: where they lie; None writes none.
        tell: called with what the user should know.
        on_place: called with iteration and segment when they change.
    """
    coordinator = Coordinator(plan, checkpoints, on_place)
    return iterations(coordinator, cut, SerialExecutor, tell=tell)

"""Where a long computation is, as progress views show it."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingPlace:
    """How far the training of a network is.

    Attributes:
        step: SGD steps that are done; all of them also where a training ends early.
        steps: SGD steps in all, if nothing ends the training early.
        per_epoch: SGD steps of an epoch.
    """

    step: int
    steps: int
    per_epoch: int

    @property
    def epoch(self) -> int:
        """The epoch that is under way, counted from 1."""
        return min(self.step // self.per_epoch + 1, self.epochs)

    @property
    def epochs(self) -> int:
        """Epochs in all; the last one may be a part of one."""
        return max(1, math.ceil(self.steps / self.per_epoch))

    @property
    def share(self) -> float:
        """Of the training that is done."""
        return self.step / self.steps if self.steps else 1.0


OnTrainingStep = Callable[[TrainingPlace], None]
"""Is called when a training begins and after each of its steps, so it has to be quick."""

OnPlace = Callable[[tuple[int, int]], None]
"""Is called with iteration and segment of a trial whenever they change."""


def unheard(_: object) -> None:
    """Nobody listens."""

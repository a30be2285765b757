"""How far trainings in other processes are: a small actor that they tell, and the driver reads."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from raytd.learning.places import TrainingPlace

TELL_EVERY_S = 1.0
"""Seconds between two messages of one training; its first and its last step are always told."""

Told = Mapping[str, tuple[TrainingPlace, float]]
"""Places by key, and seconds since each was told."""


class Board:
    """The actor; trainings on all nodes of the cluster reach it."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[TrainingPlace, float]] = {}

    def tell(self, key: str, place: TrainingPlace) -> None:
        """A training is at this place."""
        self._places[key] = (place, time.monotonic())

    def read(self) -> Told:
        """Where each of them is."""
        now = time.monotonic()
        return {key: (place, now - at) for key, (place, at) in self._places.items()}


@dataclass
class Reporter:
    """What a training calls after each step; it waits for nobody and fails for no reason.

    Attributes:
        board: the actor.
        key: of the training.
    """

    board: Any
    key: str
    _told_at: float = field(default=-math.inf, init=False)

    def __call__(self, place: TrainingPlace) -> None:
        """Tells the board, now and then."""
        now = time.monotonic()
        if now - self._told_at >= TELL_EVERY_S or place.step in (0, place.steps):
            self._told_at = now
            self.board.tell.remote(self.key, place)


class BoardReader:
    """The board as the driver sees it; nothing here waits.

    The actor needs no CPU. Where it is lost, Ray starts it again, and the trainings tell it anew.
    """

    def __init__(self) -> None:
        import ray

        self._board = ray.remote(Board).options(num_cpus=0, max_restarts=-1).remote()
        self._asked: Any = None
        self._told: Told = {}

    def reporter(self, key: str) -> Reporter:
        """For a training."""
        return Reporter(self._board, key)

    def look(self) -> Told:
        """The last answer of the board."""
        import ray
        from ray.exceptions import RayError

        if self._asked is None:
            self._asked = self._board.read.remote()
        ready, _ = ray.wait([self._asked], timeout=0)
        if ready:
            self._asked = None
            try:
                self._told = ray.get(ready[0])
            except RayError:
                self._told = {}
        return self._told
